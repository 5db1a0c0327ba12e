import { cidOf, type Cid } from '@dta/codec';
import { DOCUMENT_STORE_TIMEOUT_MS } from '@dta/contracts';
import { randomBytes } from '@dta/crypto';
import { openKuboStore } from '@dta/document-store';
import { auditLog, sealEnvelope } from '@dta/envelope';
import { generateKeys, readIdentity, type KeyGeneration } from '@dta/identity';
import {
  Admission,
  createClock,
  migrateDatabase,
  openDatabase,
  openKeyRing,
  publicationBacklog,
  publishedHead,
  startPublisher,
  type Database,
  type KeyRing,
} from '@dta/node';
import { startEmbeddedPostgres } from '@dta/postgres';
import { createLogger } from '@dta/service';
import { startKuboSwarm, type KuboNode } from '@dta/testkit';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { processCpu } from './standalone.js';

const BACKLOG = 5_000;
const AWAY_MS = 60_000;
/** Twelve orders of 1-of-1 a second send about this many envelopes, all roles together. */
const PER_SECOND = 100;

/** What publication does, row by row. */
export interface PublicationFigures {
  /** envelopes/s out of a backlog of 5,000 */
  readonly perSecond: number;
  /** ms of CPU an envelope meanwhile: of the role's process, and of Kubo's */
  readonly roleCpu: number;
  readonly kuboCpu: number;
  /** envelopes that waited when Kubo had been away for a minute, while 100 came every second */
  readonly waited: number;
  /** until none waited any more, while as many went on coming */
  readonly secondsToZero: number;
  /** envelopes in the log then, all audited */
  readonly audited: number;
}

/**
 * Measures one role's publication: a real Kubo on a disk that it syncs (deploy/kubo), PostgreSQL with `fsync` on, real
 * envelopes of about 5 KB.
 *
 * @throws where the log isn't sound at the end
 */
export async function measurePublication(): Promise<PublicationFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'dta-bench-'));
  const postgres = await startEmbeddedPostgres({ directory: join(folder, 'postgres') });
  const swarm = await startKuboSwarm(1);
  try {
    await postgres.ensureDatabase('bench');
    const url = postgres.url('bench');
    await migrateDatabase({ url, poolSize: 1 });
    const database = await openDatabase({ url, poolSize: 5 });
    const [kubo] = swarm.nodes;
    if (kubo === undefined) throw new Error('a swarm of one has a node');
    try {
      return await measure(database, kubo);
    } finally {
      await database.close();
    }
  } finally {
    await swarm.stop();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(database: Database, kubo: KuboNode): Promise<PublicationFigures> {
  const ring = await openKeyRing([await keys('fiduciary')]);
  await Admission.open(database, ring); // which keeps the Identity Document, to be published too
  const seal = await sealer(ring);
  await database.query(
    "INSERT INTO orders (ref, version, state, created_at, record, mac) VALUES ('bench', 1, 'some', 1, '\\x', '\\x')",
  );
  await send(database, await seal(BACKLOG));
  const store = openKuboStore({ url: kubo.url, timeoutMs: DOCUMENT_STORE_TIMEOUT_MS });
  const log = createLogger({ name: 'bench', level: 'error' });
  const clock = createClock(database, log);
  await clock.look();
  const before = [processCpu(process.pid), processCpu(kubo.pid)] as const;
  const begin = performance.now();
  const publisher = startPublisher({ role: 'fiduciary', database, ring, store, log, clock });
  try {
    await untilZero(database);
    const perSecond = BACKLOG / ((performance.now() - begin) / 1000);
    const roleCpu = (processCpu(process.pid) - before[0]) / BACKLOG;
    const kuboCpu = (processCpu(kubo.pid) - before[1]) / BACKLOG;

    const arriving = arrivals(database, seal);
    await kubo.stop();
    await delay(AWAY_MS);
    const { envelopes: waited } = await publicationBacklog(database);
    await kubo.restart();
    const back = performance.now();
    await untilZero(database);
    const secondsToZero = (performance.now() - back) / 1000;
    await arriving.stop();
    while ((await publicationBacklog(database)).envelopes > 0) await delay(50);
    const head = await publishedHead(database);
    if (head === null) throw new Error('nothing was published');
    const read = (cid: Cid) => store.get(cid);
    const { envelopes } = await auditLog(read, {
      head: head.segment,
      role: null,
      identity: null,
      seen: () => undefined,
    });
    if (envelopes !== BACKLOG + arriving.sent()) throw new Error('the log has not exactly what was sent');
    return { perSecond, roleCpu, kuboCpu, waited, secondsToZero, audited: envelopes };
  } finally {
    await publisher.stop();
  }
}

/** Seals as many envelopes as it is asked for, of about the size of an Acceptance's. */
async function sealer({ author }: KeyRing): Promise<(count: number) => Promise<Uint8Array[]>> {
  const {
    cid: id,
    keys: { kem },
  } = readIdentity((await keys('principal')).document);
  const one = () =>
    sealEnvelope(
      {
        ...{ sender: author.identity, from: 'fiduciary', order: null, prev: [], log: true, now: Date.now() },
        ...{ recipients: [{ id, role: 'principal', kem }], statements: [randomBytes(3_000)] },
      },
      author.key,
    );
  return async (count) => {
    const sealed: Uint8Array[] = [];
    while (sealed.length < count) sealed.push((await one()).bytes);
    return sealed;
  };
}

/** Stores envelopes as the steps of an order would. */
async function send(database: Database, envelopes: readonly Uint8Array[]): Promise<void> {
  await database.query(
    "INSERT INTO envelopes (order_ref, cid, bytes, log) SELECT 'bench', e.*, true FROM unnest($1::text[], $2::bytea[]) AS e",
    [envelopes.map(cidOf), envelopes.map((bytes) => Buffer.from(bytes))],
  );
}

/** Envelopes that come and come, a tenth of a second's at a time. */
function arrivals(
  database: Database,
  seal: (count: number) => Promise<Uint8Array[]>,
): { sent(): number; stop(): Promise<void> } {
  let [sent, isStopped] = [0, false];
  const begin = performance.now();
  const sending = (async () => {
    while (!isStopped) {
      const due = Math.floor(((performance.now() - begin) / 1000) * PER_SECOND) - sent;
      if (due > 0) await send(database, await seal(due));
      sent += Math.max(due, 0);
      await delay(100);
    }
  })();
  return {
    sent: () => sent,
    stop: async () => {
      isStopped = true;
      await sending;
    },
  };
}

/** Until hardly anything waits: what came since the last batch may. */
async function untilZero(database: Database): Promise<void> {
  while ((await publicationBacklog(database)).envelopes > PER_SECOND) await delay(50);
}

const keys = (role: 'fiduciary' | 'principal'): Promise<KeyGeneration> =>
  generateKeys({ name: role, roles: [role], now: Date.now() });
