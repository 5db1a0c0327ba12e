import { cidText } from '@dta/contracts';
import type { Role } from '@dta/identity';
import { logLevels, monitorSettings, secret, settings } from '@dta/service';
import { z } from 'zod';
import { custodyOptions, custodySettings } from './custody-config.js';
import type { NodeOptions } from './node.js';

/** Settings that every role has. Each may also be given by the path of a file that holds it, as NAME_FILE. */
export const roleSettings = {
  DATABASE_URL: secret(settings.address(/^postgres(ql)?$/)).describe("the role's own PostgreSQL database"),
  DATABASE_POOL: settings.integer(1, 100).default(10).describe('database connections of one process'),
  NATS_URL: settings.list(z.string()).describe('NATS servers'),
  NATS_USER: z.string().optional().describe('user at NATS'),
  NATS_PASSWORD: secret(z.string()).optional().describe('password at NATS'),
  NATS_CREDENTIALS: secret(z.string())
    .optional()
    .describe('text of a `.creds` file (JWT and nkey seed), in the place of user and password'),
  KEY_FILE: z.string().describe("the node's key file, made by `dta identity create`"),
  EXPECTED_NODE: cidText
    .optional()
    .describe(
      'idDocumentCID of the node, the first of its chain: with the key file of another the role does not start',
    ),
  KEY_PASSPHRASE: secret(z.string())
    .optional()
    .describe('passphrase of the key file; without one the custody provider opens it'),
  ...custodySettings,
  INTERNAL_KEY: secret(settings.replaceable(settings.hex(32))).describe(
    "key shared with the operator's gateway; while it is replaced two, `new:old`",
  ),
  TOKEN_HASH: settings
    .replaceable(settings.hex(32))
    .describe("SHA-256 of the bearer token that the gateway's callers show; while it is replaced two, `new:old`"),
  ADMITTED_IDENTITIES: z.string().optional().describe('folder of Identity Documents to admit at start'),
  DOCUMENT_STORE_KUBO: secret(
    settings.address(
      /^https?$/,
      'must be the http address of a Kubo node: what is in a folder, no other machine would see',
    ),
  )
    .optional()
    .describe("RPC of the operator's Kubo node, which publishes; without one, envelopes wait"),
  EXTENSION_VENDOR: z.string().default('D-TA').describe('`extensionVendor` in the status'),
  ...monitorSettings,
  LOG_LEVEL: z.enum(logLevels).default('info').describe('the least level that is logged'),
};

/** Settings of the roles that run order plugins. */
export const pluginSettings = {
  PLUGINS: settings
    .list(z.string())
    .refine((sources) => sources.length > 0, 'must name one at least')
    .default(['@dta/plugin-milagro'])
    .describe('order plugins: names of npm packages, or folders; the first is that of orders that name none'),
};

const schema = z.strictObject(roleSettings);

/** The options of a role out of its settings. */
export function nodeOptions(role: Role, config: z.output<typeof schema>, plugins: readonly string[] = []): NodeOptions {
  return {
    role,
    database: { url: config.DATABASE_URL, poolSize: config.DATABASE_POOL },
    keyFile: config.KEY_FILE,
    expectedNode: config.EXPECTED_NODE ?? null,
    passphrase: config.KEY_PASSPHRASE ?? null,
    custody: custodyOptions(config),
    psks: config.INTERNAL_KEY,
    tokenHashes: config.TOKEN_HASH,
    admittedIdentities: config.ADMITTED_IDENTITIES ?? null,
    extensionVendor: config.EXTENSION_VENDOR,
    documentStore: config.DOCUMENT_STORE_KUBO === undefined ? null : { kind: 'kubo', url: config.DOCUMENT_STORE_KUBO },
    plugins,
  };
}

/** Every role's configuration. */
export type RoleConfig = z.output<typeof schema>;
