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

/**
 * The lines of a NATS configuration that gives each operator an account: its nodes take messages of all
 * (`dta.v1.<node>.>`), and what is its own alone (`dta.internal.>`) stays inside. The logins are in the tenants' order.
 */
export function natsAccounts(tenants: readonly NatsTenant[]): { config: string; logins: Omit<NatsLogin, 'url'>[] } {
  const logins = tenants.map(({ name }) => ({ user: name, password: randomBytes(18).toString('base64url') }));
  const accounts = tenants.map(({ name, nodes }, at) => {
    const password = JSON.stringify(logins[at]?.password);
    const exported = nodes.map((node) => `{ service: "${subjectsOf(node)}" }`);
    const imported = tenants
      .filter((tenant) => tenant.name !== name)
      .flatMap((tenant) =>
        tenant.nodes.map((node) => `{ service: { account: "${tenant.name}", subject: "${subjectsOf(node)}" } }`),
      );
    return `  "${name}" {
    users: [{ user: "${name}", password: ${password} }]
    exports: [${exported.join(', ')}]
    imports: [${imported.join(', ')}]
  }`;
  });
  return { config: `accounts {\n${accounts.join('\n')}\n}`, logins };
}

const subjectsOf = (node: string) => `dta.v1.${node}.>`;
