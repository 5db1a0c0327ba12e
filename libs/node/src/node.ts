import type { Cid } from '@dta/codec';
import {
  DOCUMENT_STORE_TIMEOUT_MS,
  MESSAGES_IN_WORK_MAX,
  MESSAGES_QUEUED_MAX,
  PLUGIN_LOAD_TELL_MS,
  STATEMENTS_CACHED_MAX,
  STATEMENTS_CACHED_MAX_BYTES,
  WAITERS_MAX,
} from '@dta/contracts';
import { wipe } from '@dta/crypto';
import { custodyProtection, openCustody, type Custody, type CustodyOptions } from '@dta/custody';
import { openFilesystemStore, openKuboStore, type DocumentStore } from '@dta/document-store';
import { DtaError, isDtaError } from '@dta/errors';
import { passphraseProtection, type KeyFileProtection, type Role } from '@dta/identity';
import { assertMaySpeak, type Author, type OrderStatement, type VerifiedStatements } from '@dta/order';
import { openPlugins, type Plugins } from '@dta/plugin/host';
import { createMonitor, type Logger, type Monitor } from '@dta/service';
import { Gate, waiterGate, type Transport } from '@dta/transport';
import { LRUCache } from 'lru-cache';
import { Admission, type AdmissionOptions } from './admission.js';
import { AdmittedFolder } from './admitted-folder.js';
import { createClock, wallClock, type Clock } from './clock.js';
import { openDatabase, type Database, type DatabaseOptions } from './database.js';
import { readKeyFile } from './key-files.js';
import { openKeyRing, type KeyRing } from './key-ring.js';
import { createCustodyLog } from './custody-log.js';
import { assertNeverUsed, missingKeys } from './kept-keys.js';
import { measuredCustody } from './measured-custody.js';
import { pluginLimits } from './plugin-limits.js';
import { createRefusalLog, type RefusalLog } from './refusal-log.js';
import { createRoleGauges, createRoleMetrics, type RoleMetrics } from './role-metrics.js';
import { openRowMac, type RowMac } from './row-mac.js';
import { SecretStore } from './secret-store.js';

/** Where a role publishes; null: nowhere, and what it sends waits. A folder is for one machine's own node. */
export type DocumentStoreOptions =
  { readonly kind: 'kubo'; readonly url: string } | { readonly kind: 'filesystem'; readonly folder: string } | null;

/** What a role is started with, once its environment has been read. */
export interface NodeOptions {
  readonly role: Role;
  readonly database: DatabaseOptions;
  readonly keyFile: string;
  /** the first of its chain, which a rotation leaves as it is; null: the key file alone says which node this is */
  readonly expectedNode: Cid | null;
  /** null: the custody provider opens the key file */
  readonly passphrase: string | null;
  readonly custody: CustodyOptions;
  /** pre-shared keys [32] with the operator's gateway: each opens its calls */
  readonly psks: readonly [Uint8Array, ...Uint8Array[]];
  /** SHA-256 [32] of each bearer token; null in the standalone node */
  readonly tokenHashes: readonly Uint8Array[] | null;
  readonly admittedIdentities: string | null;
  readonly extensionVendor: string;
  readonly documentStore: DocumentStoreOptions;
  /** order plugins: npm packages or folders; none at a fiduciary */
  readonly plugins: readonly string[];
}

/** What stands behind a role: opened once at its start, closed once at its stop. */
export interface Node {
  readonly options: NodeOptions;
  readonly role: Role;
  readonly database: Database;
  readonly custody: Custody;
  readonly ring: KeyRing;
  /** the newest key, for what may be said when the chain itself says nothing new: that it is over */
  readonly lastWord: Author;
  readonly admission: Admission;
  readonly admittedFolder: AdmittedFolder | null;
  readonly secrets: SecretStore;
  readonly rowMac: RowMac;
  /** statements verified lately */
  readonly verified: VerifiedStatements;
  readonly store: DocumentStore | null;
  readonly plugins: Plugins;
  readonly transport: Transport;
  readonly gate: Gate;
  readonly waiterGate: Gate;
  readonly log: Logger;
  /** where it tells of messages that it refused */
  readonly refusals: RefusalLog;
  readonly monitor: Monitor;
  readonly metrics: RoleMetrics;
  readonly clock: Clock;
  /** the clock's */
  readonly now: () => number;
  close(): Promise<void>;
}

/** What a role is given by whoever starts it. */
export interface RoleParts {
  readonly transport: Transport;
  readonly log: Logger;
  /** Where it tells what can be seen of it; one that nobody looks at by default. */
  readonly monitor?: Monitor;
  /** Takes a sentence for the operator where the custody protects nothing; the log by default. */
  readonly warn?: (sentence: string) => void;
  /** Unix ms; the system's clock by default */
  readonly now?: () => number;
}

/**
 * Opens custody, keys, plugins, database and admission list of a role.
 *
 * @throws `start_failed`, `key_file_invalid`, `custody_invalid` (also where custody has no key of what is sealed), `service_unavailable`, `schema_outdated`
 */
export async function openNode(
  options: NodeOptions,
  { transport, log, monitor = createMonitor(options.role), warn, now = wallClock }: RoleParts,
): Promise<Node> {
  const { role } = options;
  const metrics = createRoleMetrics(monitor.registry);
  let beforeKey: (key: string) => Promise<void> = async () => undefined; // until there is a database, none is made
  const provider = await openCustody(options.custody, warn ?? ((sentence) => log.warn({ role }, sentence)), (key) =>
    beforeKey(key),
  );
  const custody = measuredCustody(provider, metrics.custody, createCustodyLog(log, role));
  const own = await openOwnKeys(options, custody);
  const store = await openStore(options.documentStore);
  const check = async (opened: Database) => {
    const missing = await missingKeys(opened, custody);
    if (missing.length > 0) log.error({ role, keys: missing }, 'custody lacks keys that rows are sealed under');
    beforeKey = (key) => assertNeverUsed(key, opened, provider);
  };
  const parts = { own, custody, log, now, check };
  const { plugins, database, admission, admittedFolder, secrets, rowMac } = await openRest(options, parts);
  const clock = createClock(database, log.child({ role }), now);
  await clock.look().catch((err: unknown) => log.warn({ role, err }, "the database's clock could not be read"));
  const gate = new Gate({ inWork: MESSAGES_IN_WORK_MAX, queued: MESSAGES_QUEUED_MAX });
  const waiters = waiterGate({ inWork: WAITERS_MAX });
  monitor.registry.setDefaultLabels({ role, node: own.first });
  createRoleGauges(monitor.registry, { role, database, gate, waiterGate: waiters, admission, clock });
  const ring = whileItMaySpeak(own, admission, clock);
  monitor.health.part('identity', async () => void ring.author); // as for what it signs: neither over nor of another time
  watchParts(monitor, own.first, { transport, database, custody, store, clock });
  return {
    options,
    role,
    database,
    custody,
    ring,
    lastWord: own.author,
    admission,
    admittedFolder,
    secrets,
    rowMac,
    verified: new LRUCache<Cid, OrderStatement>({
      max: STATEMENTS_CACHED_MAX,
      maxSize: STATEMENTS_CACHED_MAX_BYTES,
      sizeCalculation: ({ bytes }) => bytes.length,
    }),
    store,
    plugins,
    transport,
    gate,
    waiterGate: waiters,
    log,
    refusals: createRefusalLog(log, role),
    monitor,
    metrics,
    clock,
    now,
    close: async () => {
      await plugins.close();
      await database.close();
      await custody.close();
    },
  };
}

async function openStore(options: DocumentStoreOptions): Promise<DocumentStore | null> {
  if (options === null) return null;
  return options.kind === 'kubo'
    ? openKuboStore({ url: options.url, timeoutMs: DOCUMENT_STORE_TIMEOUT_MS })
    : openFilesystemStore(options.folder);
}

/** What a role can't work without; and what it works without: a clock that is only in doubt, and the document store. */
function watchParts(
  { health }: Monitor,
  first: Cid,
  { transport, database, custody, store, clock }: Pick<Node, 'transport' | 'database' | 'custody' | 'store' | 'clock'>,
): void {
  health.part(transport.kind, async () => transport.assertUsable());
  health.part('postgres', () => database.assertWritable());
  health.part('custody', () => custody.keys());
  health.part('clock', async () => clock.doubt?.sentence, { needed: false });
  if (store === null) return;
  const answers = async () => {
    try {
      await store.get(first);
    } catch (error) {
      if (!isDtaError(error, 'block_not_found')) throw error; // it is published soon
    }
  };
  health.part(store.kind, answers, { needed: false });
}

/** Plugins take their time to load, so the database is opened meanwhile; where one of the two fails, neither stays open. */
async function openRest(options: NodeOptions, parts: OwnParts) {
  const [plugins, rest] = await Promise.allSettled([
    openPlugins(options.plugins, pluginLimits, {
      everyMs: PLUGIN_LOAD_TELL_MS,
      tell: (text) => parts.log.warn({ role: options.role }, text),
    }),
    openStored(options, parts),
  ]);
  if (plugins.status === 'fulfilled' && rest.status === 'fulfilled') return { plugins: plugins.value, ...rest.value };
  if (plugins.status === 'fulfilled') await plugins.value.close();
  if (rest.status === 'fulfilled') await rest.value.database.close();
  throw plugins.status === 'rejected' ? plugins.reason : (rest as PromiseRejectedResult).reason; // one of them was
}

/** What {@link openStored} opens a database with. */
interface OwnParts {
  readonly own: KeyRing;
  readonly custody: Custody;
  readonly log: Logger;
  readonly now: () => number;
  /** whether custody has what the database was sealed with, before anything is opened or sealed */
  readonly check: (database: Database) => Promise<void>;
}

async function openStored(
  { role, database: options, admittedIdentities }: NodeOptions,
  { own, custody, log, now, check }: OwnParts,
) {
  const database = await openDatabase(options);
  try {
    await check(database);
    const secrets = new SecretStore(database, custody, own.first, role, now);
    const rowMac = await openRowMac(database, secrets, { owner: own.first, role, log });
    return {
      database,
      secrets,
      rowMac,
      ...(await openAdmission(database, own, admittedIdentities, { log: log.child({ role }), now })),
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function openOwnKeys(
  { role, keyFile, expectedNode, passphrase }: NodeOptions,
  custody: Custody,
): Promise<KeyRing> {
  const protection: KeyFileProtection =
    passphrase === null ? custodyProtection(custody) : passphraseProtection(new TextEncoder().encode(passphrase));
  const generations = await readKeyFile(keyFile, protection);
  const ring = await openKeyRing(generations, custody.signing).finally(() => {
    // OpenSSL holds what the ring needs
    for (const { kemSeed, signSeed, next } of generations)
      wipe(kemSeed, signSeed ?? new Uint8Array(), next?.seed ?? new Uint8Array());
  });
  if (!ring.newest.roles.includes(role)) {
    throw new DtaError('start_failed', `the identity in ${keyFile} is not a ${role}'s`);
  }
  if (expectedNode !== null && ring.first !== expectedNode) {
    const mend = "mount that node's key file, or say this node in its place";
    throw new DtaError(
      'start_failed',
      `the key file ${keyFile} is of node ${ring.first}, and EXPECTED_NODE is ${expectedNode}: ${mend}`,
    );
  }
  return ring;
}

/**
 * The ring of a node that signs nothing more once its chain is frozen, revoked, or followed by a generation that this
 * process hasn't got: another replica was started with the new key file, and peers refuse the old key. Nor while its clock
 * and its database's differ: what is signed with a wrong date is stored, and peers refuse it until that date has come.
 */
function whileItMaySpeak(own: KeyRing, admission: Admission, clock: Clock): KeyRing {
  return {
    ...own,
    get author() {
      clock.assertAgrees();
      assertMaySpeak(own.newest, admission.directory);
      return own.author;
    },
  };
}

async function openAdmission(
  database: Database,
  ring: KeyRing,
  folder: string | null,
  options: AdmissionOptions,
): Promise<Pick<Node, 'admission' | 'admittedFolder'>> {
  const admission = await Admission.open(database, ring, options);
  const admittedFolder = folder === null ? null : new AdmittedFolder(admission, folder, options);
  await admittedFolder?.take();
  return { admission, admittedFolder };
}

/**
 * Admission of whoever an order names, which a principal checks before it signs, and that they may still say something.
 *
 * @throws `identity_not_admitted`, `identity_frozen`
 */
export async function assertAllAdmitted(admission: Admission, parties: readonly Cid[]): Promise<void> {
  for (const party of parties) {
    await admission.assertAdmitted(party);
    assertMaySpeak(admission.newestOf(party), admission.directory);
  }
}
