import { cidText, type Cid } from '@dta/contracts';
import { logLevels, monitorSettings, readConfig, secret, settings, type LogLevel } from '@dta/service';
import { z } from 'zod';

const pskBytes = 32;
const tokenHashBytes = 32;
const sharedKey = settings.replaceable(settings.hex(pskBytes));
type SharedKey = z.output<typeof sharedKey>;

const together = (name: string, key: string) => ({
  path: [key],
  error: `goes together with ${name}`,
  when: () => true,
});

/** The settings of a gateway that runs as a process of its own. */
export const gatewaySettings = z
  .strictObject({
    PORT: settings.integer(0, 65_535).default(5556).describe('Port of the REST API'),
    HOST: z.string().default('127.0.0.1').describe('Address to listen on'),
    NATS_URL: settings
      .list(z.string().regex(/^(nats|tls):\/\//, 'must begin with nats:// or tls://'))
      .default(['nats://127.0.0.1:4222'])
      .describe('NATS servers of one cluster'),
    NATS_USER: z.string().optional().describe('User at NATS'),
    NATS_PASSWORD: secret(z.string()).optional().describe('Password at NATS'),
    NATS_CREDENTIALS: secret(z.string()).optional().describe('Text of a .creds file, instead of user and password'),
    GATEWAY_NAME: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, - and _')
      .default('gateway')
      .describe('Name of this gateway to its roles; all its replicas share it'),
    PRINCIPAL: cidText.optional().describe("The principal's node CID"),
    PRINCIPAL_KEY: secret(sharedKey)
      .optional()
      .describe('Key shared with the principal, hex; while it is replaced two, `new:old`: the first seals'),
    BENEFICIARY: cidText.optional().describe("The beneficiary's node CID"),
    BENEFICIARY_KEY: secret(sharedKey).optional().describe('Key shared with the beneficiary, hex, likewise'),
    FIDUCIARIES: settings.list(cidText).default([]).describe('Node CIDs of the own fiduciaries'),
    FIDUCIARY_KEY: secret(settings.list(sharedKey))
      .default([])
      .describe(
        'Keys shared with the fiduciaries, hex: one for all, or one each in the order of FIDUCIARIES; each likewise',
      ),
    TOKEN_HASH: secret(settings.replaceable(settings.hex(tokenHashBytes))).describe(
      'SHA-256 of the bearer token, hex: it is asked of everyone; while it is replaced two, `new:old`',
    ),
    RATE_LIMIT_PER_MINUTE: settings.integer(1, 100_000_000).default(60_000).describe('Requests of one client address'),
    CONNECTIONS_MAX: settings.integer(1, 1_000_000).default(10_000).describe('Open connections of all clients'),
    CONNECTIONS_PER_CLIENT: settings
      .integer(1, 1_000_000)
      .default(1_000)
      .describe('Of them those of one client address; not counted behind proxies (`TRUST_PROXY_HOPS`)'),
    TRUST_PROXY_HOPS: settings
      .integer(0, 16)
      .default(0)
      .describe('Proxies in front whose X-Forwarded-For names the client'),
    ...monitorSettings,
    LOG_LEVEL: z.enum(logLevels).default('info').describe('Least level of a line in the log'),
  })
  .refine(
    (all) => (all.PRINCIPAL === undefined) === (all.PRINCIPAL_KEY === undefined),
    together('PRINCIPAL', 'PRINCIPAL_KEY'),
  )
  .refine(
    (all) => (all.BENEFICIARY === undefined) === (all.BENEFICIARY_KEY === undefined),
    together('BENEFICIARY', 'BENEFICIARY_KEY'),
  )
  .refine(
    ({ FIDUCIARIES, FIDUCIARY_KEY }) =>
      FIDUCIARIES.length === FIDUCIARY_KEY.length || oneForAll(FIDUCIARIES, FIDUCIARY_KEY),
    {
      path: ['FIDUCIARY_KEY'],
      error: 'must hold one key, or as many as there are FIDUCIARIES',
    },
  )
  .refine((all) => all.PRINCIPAL !== undefined || all.BENEFICIARY !== undefined || all.FIDUCIARIES.length > 0, {
    error: 'one of PRINCIPAL, BENEFICIARY, FIDUCIARIES is needed',
  });

function oneForAll(nodes: readonly unknown[], keys: readonly unknown[]): boolean {
  return nodes.length > 0 && keys.length === 1;
}

/** A role that this gateway speaks for. */
export interface RoleAddress {
  readonly node: Cid;
  /** The key [32] that this gateway shares with it. */
  readonly psk: Uint8Array;
}

/** What a gateway is started with. */
export interface GatewayConfig {
  /** 0: a free one. */
  readonly port: number;
  readonly host: string;
  /** Not used where a transport is handed in. */
  readonly nats: {
    readonly servers: string[];
    readonly user?: string | undefined;
    readonly password?: string | undefined;
    readonly credentials?: string | undefined;
  };
  /** All replicas of a gateway share it. */
  readonly gatewayName: string;
  readonly principal: RoleAddress | null;
  /** Each [32]. Cursors of lists are made by the first and read by any; of none, by one that this process makes. */
  readonly cursorKeys: readonly Uint8Array[];
  readonly beneficiary: RoleAddress | null;
  readonly fiduciaries: readonly RoleAddress[];
  /**
   * SHA-256 [32] of each bearer token; or `standalone`: no token, and requests only from this machine's own pages and
   * programs. No setting gives `standalone`: only code that starts all roles in its own process does.
   */
  readonly access: { readonly tokenHashes: readonly Uint8Array[] } | 'standalone';
  readonly rateLimitPerMinute: number;
  /** How many may be open, and how many of one address that a connection comes from; the latter without a proxy only. */
  readonly connections: { readonly max: number; readonly perClient: number };
  readonly trustProxyHops: number;
  readonly logLevel: LogLevel;
  /** Where metrics and health are shown; null: nowhere. */
  readonly monitor: { readonly port: number; readonly host: string } | null;
}

/** Reads the settings. @throws DtaError `configuration_invalid` with every fault */
export function readGatewayConfig(env: Readonly<Record<string, string | undefined>>): GatewayConfig {
  const set = readConfig(gatewaySettings, env);
  return {
    port: set.PORT,
    host: set.HOST,
    nats: {
      servers: set.NATS_URL,
      user: set.NATS_USER,
      password: set.NATS_PASSWORD,
      credentials: set.NATS_CREDENTIALS,
    },
    gatewayName: set.GATEWAY_NAME,
    principal: address(set.PRINCIPAL, set.PRINCIPAL_KEY),
    cursorKeys: set.PRINCIPAL_KEY ?? [],
    beneficiary: address(set.BENEFICIARY, set.BENEFICIARY_KEY),
    fiduciaries: set.FIDUCIARIES.flatMap(
      (node, i) => address(node, set.FIDUCIARY_KEY[i] ?? set.FIDUCIARY_KEY[0]) ?? [],
    ),
    access: { tokenHashes: set.TOKEN_HASH },
    rateLimitPerMinute: set.RATE_LIMIT_PER_MINUTE,
    connections: { max: set.CONNECTIONS_MAX, perClient: set.CONNECTIONS_PER_CLIENT },
    trustProxyHops: set.TRUST_PROXY_HOPS,
    logLevel: set.LOG_LEVEL,
    monitor: set.METRICS_PORT === undefined ? null : { port: set.METRICS_PORT, host: set.METRICS_HOST },
  };
}

function address(node: Cid | undefined, psks: SharedKey | undefined): RoleAddress | null {
  return node === undefined || psks === undefined ? null : { node, psk: psks[0] };
}
