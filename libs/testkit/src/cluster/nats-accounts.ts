import { randomBytes } from 'node:crypto';

/** How an operator's processes, and a test in its place, connect to NATS. */
export interface NatsLogin {
  readonly url: string;
  /** undefined where the server has no accounts */
  readonly user: string | undefined;
  readonly password: string | undefined;
}

/** An operator at a NATS server that others use too. */
export interface NatsTenant {
  readonly name: string;
  /** Its nodes' idDocumentCIDs. */
  readonly nodes: readonly string[];
}

/** What stands behind {@link natsAccounts}: the server's lines, and who logs in how, in the tenants' order. */
export interface NatsAccounts {
  readonly config: string;
  readonly logins: readonly Omit<NatsLogin, 'url'>[];
}

/**
 * The lines of a NATS configuration that gives each operator an account: its nodes take messages of all
 * (`dta.v1.<node>.>`), and what is its own alone (`dta.internal.>`) stays inside. `deploy/nats/nats.conf` is what this gives
 * for two operators; a test holds the two against each other.
 *
 * @param passwords of the tenants, in their order; random ones by default
 */
export function natsAccounts(tenants: readonly NatsTenant[], passwords: readonly string[] = []): NatsAccounts {
  const logins = tenants.map(({ name }, at) => ({
    user: name,
    password: passwords[at] ?? randomBytes(18).toString('base64url'),
  }));
  const accounts = tenants.map(({ name, nodes }, at) => {
    const others = tenants.filter((tenant) => tenant.name !== name);
    const importers = JSON.stringify(others.map((tenant) => tenant.name));
    const exported = nodes.map((node) => `{ service: "${subjectsOf(node)}", accounts: ${importers} }`);
    const imported = others.flatMap((tenant) =>
      tenant.nodes.map((node) => `{ service: { account: "${tenant.name}", subject: "${subjectsOf(node)}" } }`),
    );
    return `  "${name}" {
    users: [{ user: "${name}", password: ${JSON.stringify(logins[at]?.password)} }]
    exports: ${listOf(exported)}
    imports: ${listOf(imported)}
  }`;
  });
  return { config: `accounts {\n${accounts.join('\n')}\n}`, logins };
}

const subjectsOf = (node: string) => `dta.v1.${node}.>`;

const listOf = (entries: readonly string[]) =>
  entries.length === 0 ? '[]' : `[\n${entries.map((entry) => `      ${entry}\n`).join('')}    ]`;
