import { startBeneficiary } from '@dta/beneficiary';
import { NATS_MAX_PAYLOAD_BYTES, type Cid } from '@dta/contracts';
import { randomBytes } from '@dta/crypto';
import type { TokenOptions } from '@dta/custody';
import { DtaError } from '@dta/errors';
import { startFiduciary } from '@dta/fiduciary';
import { startGateway, type RunningGateway } from '@dta/gateway';
import { readIdentity, wipeGenerations, type Identity, type KeyGeneration, type Role } from '@dta/identity';
import { migrateDatabase, type NodeOptions, type RunningRole } from '@dta/node';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@dta/postgres';
import { startPrincipal } from '@dta/principal';
import {
  createMonitor,
  serveMonitors,
  stopAll,
  type Logger,
  type Monitor,
  type Progress,
  type Stoppable,
} from '@dta/service';
import { createMemoryBroker } from '@dta/transport';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assertPortFree } from './free-port.js';
import {
  ADMITTED,
  LOG,
  makeKeys,
  makeLogFolder,
  openFolder,
  openRoleFiles,
  readKeys,
  type RoleFiles,
} from './folder.js';
import { completeRotation } from './rotate-folder.js';
import { sayMissing, untilReady, type RoleNotReady } from './until-ready.js';

/** What a standalone node is started with. */
export interface StandaloneOptions {
  /** 0: a free one */
  readonly port: number;
  readonly fiduciaries: number;
  /** where metrics and health of all roles are shown, 0: on a free one; null: nowhere */
  readonly metricsPort: number | null;
  /** everything that the node keeps */
  readonly folder: string;
  /** of an HSM that has custody of all roles; null: software custody */
  readonly token: TokenOptions | null;
  /** RPC of the Kubo node that publishes; null: a folder does */
  readonly kubo: string | null;
}

/** What `npm start` is asked for. */
export interface StandaloneArguments extends StandaloneOptions {
  /** new keys, in place of a start */
  readonly rotate: boolean;
}

/** A standalone node that runs. */
export interface RunningStandalone {
  readonly port: number;
  /** where metrics and health are shown; null: nowhere */
  readonly metricsPort: number | null;
  readonly folder: string;
  /** the first idDocumentCID of principal and beneficiary, which are one node here */
  readonly node: Cid;
  /** roles that weren't ready when the start was given up waiting for them: the node works without */
  readonly missing: readonly RoleNotReady[];
  stop(): Promise<void>;
}

/** One role's files and who it is. */
interface Member {
  readonly name: string;
  readonly role: Role;
  readonly files: RoleFiles;
  /** oldest first: a node is called by the first, and speaks by the newest */
  readonly identities: readonly [Identity, ...Identity[]];
  readonly psk: Uint8Array;
  readonly monitor: Monitor;
}

const POOL_SIZE = 5;
/** Those that ship; the first is that of orders that name none. */
const PLUGINS = ['@dta/plugin-milagro', '@dta/plugin-bitcoinwallet', '@dta/plugin-safeguardsecret'];

/**
 * Starts gateway, principal, beneficiary and fiduciaries in this process, over a database and a transport of their own, and
 * says how far it is. Where `stopping` is aborted meanwhile, all that was started is stopped.
 *
 * @throws the reason of `stopping`; `start_failed` with one sentence: port in use, folder damaged or in use, disk full; `configuration_invalid` where
 * the folder can't be made
 */
export async function startStandalone(
  options: StandaloneOptions,
  log: Logger,
  progress: Progress,
  stopping: AbortSignal,
): Promise<RunningStandalone> {
  await assertPortFree(options.port);
  const folder = await openFolder(options.folder, options.token);
  assertDatabaseKept(folder);
  assertStoreKept(folder, options.kubo);
  const started: Stoppable[] = [];
  const stop = () => stopAll(started.splice(0));
  try {
    const postgres = await progress.during('starting PostgreSQL', () =>
      startEmbeddedPostgres({ directory: join(folder, 'postgres'), restart: (sentence) => log.warn(sentence) }),
    );
    started.push(postgres);
    stopping.throwIfAborted();
    const broker = createMemoryBroker({ maxPayload: NATS_MAX_PAYLOAD_BYTES });
    const connect = () =>
      broker.connect({ onError: (error, subject) => log.error({ err: error, subject }, 'a message was not handled') });
    const members = await progress.during('opening the keys of all roles', () => openMembers(folder, options));
    if (options.kubo === null) await makeLogFolder(folder); // before `admitted`, by which a later start knows that it must be there
    const admitted = await writeAdmitted(folder, members);
    const monitor = createMonitor('gateway');
    let metricsPort: number | null = null;
    if (options.metricsPort !== null) {
      const monitors = [monitor, ...members.map((member) => member.monitor)];
      const shown = await serveMonitors({ port: options.metricsPort, host: '127.0.0.1', monitors, logger: log });
      started.push(shown);
      metricsPort = shown.port;
    }
    for (const member of members) {
      const transport = connect();
      started.push({ stop: () => transport.close() });
      const parts = { transport, log, monitor: member.monitor, warn: () => undefined }; // once for all, by the next steps
      const role = await progress.during(`starting ${member.name}`, async () => {
        const url = await databaseOf(postgres, member);
        return startRole(member, members, { url, admitted, kubo: options.kubo }, parts);
      });
      started.push(role);
      stopping.throwIfAborted();
    }
    const transport = connect();
    started.push({ stop: () => transport.close() });
    const gateway = await startGatewayOf(members, options.port, { transport, logger: log, monitor });
    started.push(gateway);
    const missing = await waitUntilReady(members, progress, stopping);
    const [{ cid: node }] = memberOf(members, 'principal').identities;
    return { port: gateway.port, metricsPort, folder, node, missing, stop };
  } catch (error) {
    await progress.during('stopping', stop);
    throw error;
  }
}

function waitUntilReady(
  members: readonly Member[],
  progress: Progress,
  signal: AbortSignal,
): Promise<readonly RoleNotReady[]> {
  let missing: readonly RoleNotReady[] = [];
  const roles = members.map(({ name, role, monitor }) => ({ name, role, health: monitor.health }));
  return progress.during(
    'waiting until every role is ready',
    () => untilReady(roles, { signal, tell: (now) => (missing = now) }),
    () => `not ready: ${sayMissing(missing)}`,
  );
}

/** @throws `start_failed` where a folder that was started before has no database any more: a new one would have no order */
function assertDatabaseKept(folder: string): void {
  const [files, before] = [join(folder, 'postgres', 'data'), join(folder, ADMITTED)];
  if (existsSync(before) && !existsSync(files))
    throw new DtaError('start_failed', `${files} is gone: put it back, or delete the whole folder to begin anew`);
}

/** @throws `start_failed` where the log was begun in the other kind of store: here it would have no beginning */
function assertStoreKept(folder: string, kubo: string | null): void {
  const [inFiles, before] = [existsSync(join(folder, LOG)), existsSync(join(folder, ADMITTED))];
  if (kubo !== null && inFiles)
    throw new DtaError('start_failed', `the log of ${folder} is in its files: start it without --kubo`);
  if (kubo === null && before && !inFiles)
    throw new DtaError('start_failed', `the log of ${folder} is in Kubo, or its files are gone: start it with --kubo`);
}

/** Principal and beneficiary share one identity, so that the original's `nodeCID` works as a beneficiary. */
async function openMembers(folder: string, { fiduciaries, token }: StandaloneOptions): Promise<Member[]> {
  await completeRotation(folder, token);
  const principal = await openMember(folder, 'principal', 'principal', token, () =>
    makeKeys('standalone', ['principal', 'beneficiary']),
  );
  const beneficiary = await openMember(folder, 'beneficiary', 'beneficiary', token, () => readKeys(principal.files));
  const names = Array.from({ length: fiduciaries }, (_, at) => `fiduciary-${at + 1}`);
  const others = [];
  for (const name of names)
    others.push(await openMember(folder, name, 'fiduciary', token, () => makeKeys(name, ['fiduciary'])));
  return [principal, beneficiary, ...others];
}

async function openMember(
  folder: string,
  name: string,
  role: Role,
  token: TokenOptions | null,
  make: () => Promise<readonly KeyGeneration[]>,
): Promise<Member> {
  const files = await openRoleFiles(folder, name, token, make);
  const generations = await readKeys(files);
  const [first, ...later] = generations.map(({ document }) => readIdentity(document));
  wipeGenerations(generations);
  if (first === undefined) throw new DtaError('key_file_invalid', `${files.keyFile} holds no key`);
  const monitor = createMonitor(role, name);
  return { name, role, files, identities: [first, ...later], psk: randomBytes(32), monitor };
}

/** All members admit one another, by a folder as an operator would give it. */
async function writeAdmitted(folder: string, members: readonly Member[]): Promise<string> {
  const admitted = join(folder, ADMITTED);
  await rm(admitted, { recursive: true, force: true });
  // who can write there admits whom it likes: what the umask allows must not decide
  await mkdir(admitted, { mode: 0o700 });
  for (const { name, identities } of members) {
    for (const [at, { bytes }] of identities.entries()) {
      await writeFile(join(admitted, at === 0 ? name : `${name}-${at + 1}`), bytes, { mode: 0o600 });
    }
  }
  return admitted;
}

async function databaseOf(postgres: EmbeddedPostgres, { name }: Member): Promise<string> {
  const database = name.replace('-', '_');
  await postgres.ensureDatabase(database);
  const url = postgres.url(database);
  await migrateDatabase({ url, poolSize: 1 });
  return url;
}

function startRole(
  member: Member,
  members: readonly Member[],
  { url, admitted, kubo }: { url: string; admitted: string; kubo: string | null },
  parts: Parameters<typeof startFiduciary>[1],
): Promise<RunningRole> {
  const options: NodeOptions = {
    role: member.role,
    database: { url, poolSize: POOL_SIZE },
    keyFile: member.files.keyFile,
    expectedNode: null, // both are made by this process
    passphrase: null,
    custody: member.files.custody,
    psks: [member.psk],
    tokenHashes: null,
    admittedIdentities: admitted,
    extensionVendor: 'D-TA',
    documentStore: kubo === null ? { kind: 'filesystem', folder: member.files.log } : { kind: 'kubo', url: kubo },
    plugins: member.role === 'fiduciary' ? [] : PLUGINS,
  };
  switch (member.role) {
    case 'fiduciary':
      return startFiduciary(options, parts);
    case 'beneficiary':
      return startBeneficiary(options, parts);
    case 'principal':
      return startPrincipal(
        {
          ...options,
          beneficiary: memberOf(members, 'beneficiary').identities[0].cid,
          fiduciarySet: members.filter(({ role }) => role === 'fiduciary').map(({ identities: [{ cid }] }) => cid),
        },
        parts,
      );
  }
}

function startGatewayOf(
  members: readonly Member[],
  port: number,
  parts: Parameters<typeof startGateway>[1],
): Promise<RunningGateway> {
  const address = ({ identities: [{ cid: node }], psk }: Member) => ({ node, psk });
  return startGateway(
    {
      port,
      host: '127.0.0.1',
      nats: { servers: [] },
      gatewayName: 'standalone',
      principal: address(memberOf(members, 'principal')),
      cursorKeys: [],
      beneficiary: address(memberOf(members, 'beneficiary')),
      fiduciaries: members.filter(({ role }) => role === 'fiduciary').map(address),
      access: 'standalone',
      rateLimitPerMinute: 600_000,
      connections: { max: 10_000, perClient: 10_000 },
      trustProxyHops: 0,
      logLevel: 'warn',
      monitor: null,
    },
    parts,
  );
}

function memberOf(members: readonly Member[], wanted: Role): Member {
  const found = members.find(({ role }) => role === wanted);
  if (found === undefined) throw new DtaError('internal', `a standalone node has a ${wanted}`);
  return found;
}
