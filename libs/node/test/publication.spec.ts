import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { cidOf, type Cid } from '@dta/codec';
import { randomBytes } from '@dta/crypto';
import { openFilesystemStore, type Batch, type DocumentStore } from '@dta/document-store';
import { auditLog, parseSegment, sealEnvelope, type LogAudit } from '@dta/envelope';
import { DtaError } from '@dta/errors';
import { generateKeys, generateSuccessor, softwareSigningKey, type KeyGeneration } from '@dta/identity';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  begin,
  Admission,
  commit,
  createClock,
  envelopeBytes,
  migrateDatabase,
  openDatabase,
  openKeyRing,
  publicationBacklog,
  publishedHead,
  startPublisher,
  type Clock,
  type Database,
  type KeyRing,
} from '../src/index.js';
import { forgetPublished, storeSegment, takePublication } from '../src/publication.js';
import { known } from '@dta/order/testing';
import { createLogger } from '@dta/service';
import { freshDatabase, type FreshDatabase } from '@dta/testkit';
import { member, type Member } from './testing/index.js';

let fresh: FreshDatabase;
let database: Database;
let folder: string;
let store: DocumentStore;
let keys: KeyGeneration;
let ring: KeyRing;
let clock: Clock;
let peer: Member;
let logged: string[];
const running: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  keys = await generateKeys({ name: 'F', roles: ['fiduciary'], now: Date.now() });
  ring = await openKeyRing([keys]);
  peer = await member('P', 'principal');
});

beforeEach(async () => {
  fresh = await freshDatabase();
  await migrateDatabase({ url: fresh.url, poolSize: 1 });
  database = await openDatabase({ url: fresh.url, poolSize: 5 });
  folder = await mkdtemp(join(tmpdir(), 'dta-publication-'));
  store = await openFilesystemStore(folder);
  logged = [];
  await Admission.open(database, ring);
  clock = createClock(database, createLogger({ name: 'test', level: 'fatal' }));
  await clock.look();
});

afterEach(async () => {
  for (const job of running.splice(0)) await job.stop();
  await database.close();
  await fresh.drop();
  await rm(folder, { recursive: true, force: true });
});

/** The same node on a key file with one more generation. */
async function rotated(): Promise<KeyRing> {
  const seed = known(keys.next?.seed ?? undefined);
  const { identity, key } = ring.author;
  const own = { key: softwareSigningKey(seed), seed };
  return openKeyRing([
    keys,
    await generateSuccessor(identity, { predecessor: key, own }, { name: 'F', now: Date.now() }),
  ]);
}

/** A publisher on that store; a replica of the role has one each. */
function publish(into: DocumentStore = store): { stop(): Promise<void> } {
  const log = createLogger({
    name: 'test',
    level: 'debug',
    destination: { write: (line: string) => logged.push(line) },
  });
  const job = startPublisher({ role: 'fiduciary', database, ring, store: into, log, clock });
  running.push(job);
  return job;
}

/** An order whose step has sent `count` envelopes for the log, and one that is not for it. */
async function send(count: number): Promise<Cid[]> {
  const { identity, key } = ring.author;
  const recipients = [{ id: peer.identity.cid, role: 'principal', kem: peer.identity.keys.kem } as const];
  const seal = (log: boolean) =>
    sealEnvelope(
      {
        ...{ sender: identity, from: 'fiduciary', order: null, prev: [], log, recipients, now: Date.now() },
        statements: [randomBytes(10)],
      },
      key,
    );
  const sealed = await Promise.all(Array.from({ length: count }, () => seal(true)));
  const secret = await seal(false);
  await commit(database, {
    order: {
      ...{ ref: cidOf(randomBytes(8)), version: null, state: 'some', beneficiary: null, createdAt: 1, dueAt: null },
      record: randomBytes(8),
      mac: randomBytes(32),
    },
    ...{ statements: [], secrets: [], erase: [], deliveries: [], close: [], reply: null, settled: null, events: [] },
    envelopes: [...sealed.map((envelope) => ({ ...envelope, log: true })), { ...secret, log: false }],
    ...{ answers: [], lease: null, notify: false, idempotency: null, begun: begin(1), now: 1 },
  });
  return sealed.map(({ cid }) => cid);
}

/** Waits until nothing is owed, and audits what the store then has. */
async function published(): Promise<LogAudit> {
  for (const limit = Date.now() + 60_000; (await publicationBacklog(database)).envelopes > 0; await delay(20)) {
    if (Date.now() > limit)
      throw new Error(`still owed: ${JSON.stringify(await publicationBacklog(database))} ${logged.join('')}`);
  }
  const head = await publishedHead(database);
  if (head === null) throw new Error('there is no head');
  return auditLog((cid) => store.get(cid), {
    head: head.segment,
    role: 'fiduciary',
    identity: ring.first,
    seen: () => undefined,
  });
}

/** The store, but `around` is done with each put; a mock, as no real store fails at one exact point. */
function puttingBy(around: (batch: Batch, put: () => Promise<void>) => Promise<void>): DocumentStore {
  return { ...store, put: (batch) => around(batch, () => store.put(batch)) };
}

const away = () => new DtaError('store_unavailable', 'away');
const segments = async () =>
  database.query<{ seq: string; cid: string; bytes: Buffer; owed: boolean }>(
    'SELECT seq, cid, bytes, published_at IS NULL AS owed FROM segments ORDER BY seq',
  );

test('what a role sent for the log is in the store, in one chain, with its Identity Document; nothing else is', async () => {
  const sent = await send(3);
  expect(await publishedHead(database)).toBeNull();
  publish();
  const first = await published();
  expect(first).toMatchObject({ identity: ring.first, role: 'fiduciary', segments: 1, envelopes: 3 });
  expect(await store.get(ring.first)).toEqual(ring.author.identity.bytes);
  sent.push(...(await send(2)));
  const second = await published();
  expect(second).toMatchObject({ segments: 2, envelopes: 5 });
  const named = (await segments()).flatMap(({ bytes }) => parseSegment(new Uint8Array(bytes)).envelopes);
  expect(named).toHaveLength(sent.length);
  expect(new Set(named)).toEqual(new Set(sent));
  const marked = await database.query<{ cid: string }>('SELECT cid FROM envelopes WHERE published_at IS NOT NULL');
  expect(new Set(marked.map(({ cid }) => cid))).toEqual(new Set(sent)); // and none that isn't for the log
});

test('a backlog goes in batches, in the order in which envelopes were sent', async () => {
  const sent = await send(1_001);
  publish();
  expect(await published()).toMatchObject({ segments: 3, envelopes: 1_001 });
  const sizes = (await segments()).map(({ bytes }) => parseSegment(new Uint8Array(bytes)).envelopes.length);
  expect(sizes).toEqual([500, 500, 1]);
  const named = (await segments()).flatMap(({ bytes }) => parseSegment(new Uint8Array(bytes)).envelopes);
  expect(named).toEqual(sent);
});

test('the backlog says how many wait and for how long', async () => {
  expect(await publicationBacklog(database)).toEqual({ envelopes: 0, oldestMs: null });
  await send(2);
  await database.query("UPDATE envelopes SET created_at = now() - interval '1 hour' WHERE seq = 1");
  await send(1);
  const { envelopes, oldestMs } = await publicationBacklog(database);
  expect(envelopes).toBe(3);
  expect(oldestMs).toBeGreaterThanOrEqual(3_600_000);
  expect(oldestMs).toBeLessThan(3_700_000);
});

describe('nothing is lost and nothing forks', () => {
  test('while the store is away, and the same bytes come when it is back', async () => {
    let tries: Batch[] = [];
    let isAway = true;
    publish(
      puttingBy(async (batch, put) => {
        tries.push(batch);
        if (isAway) throw away();
        await put();
      }),
    );
    await send(2);
    while (tries.length < 3) await delay(20);
    expect(await publishedHead(database)).toBeNull();
    expect((await publicationBacklog(database)).envelopes).toBe(2);
    const sent = await send(3);
    isAway = false;
    tries = [];
    expect(await published()).toMatchObject({ envelopes: 5 });
    expect(sent).toHaveLength(3);
    expect(logged.filter((line) => line.includes('is away'))).toHaveLength(1);
    expect(logged.filter((line) => line.includes('is back'))).toHaveLength(1);
  });

  test.each<[string, (put: () => Promise<void>) => Promise<void>]>([
    ['before the store has the segment', async () => undefined],
    ['after the store has the segment and before it is marked', (put) => put()],
  ])('when the process dies %s', async (_name, before) => {
    await send(3);
    let reached = (): void => undefined;
    const dying = new Promise<void>((resolve) => (reached = resolve));
    const batches: Batch[] = [];
    const job = publish(
      puttingBy(async (batch, put) => {
        if (batch.blocks.length === 1) return put(); // its Identity Document
        batches.push(batch);
        await before(put);
        reached();
        return new Promise<void>(() => undefined); // as far as the database sees, the process ends here
      }),
    );
    await dying;
    await job.stop(); // waits for no store
    expect(await segments()).toMatchObject([{ seq: '0', owed: true }]);
    expect(await publishedHead(database)).toBeNull();
    await send(1);
    const again: Batch[] = [];
    publish(
      puttingBy(async (batch, put) => {
        again.push(batch);
        await put();
      }),
    );
    expect(await published()).toMatchObject({ segments: 2, envelopes: 4 });
    const sorted = ({ root, blocks }: Batch) => [root, ...blocks.map(({ cid }) => cid).sort()];
    expect(again.slice(0, 1).map(sorted)).toEqual(batches.map(sorted));
  });

  test('where three replicas publish at once, and none keeps the right to', async () => {
    // each loses its right as soon as it has it, so that all are at it together
    let isOver = false;
    const thief = async () => {
      for (; !isOver; await delay(3)) await database.query('UPDATE log_head SET publisher = NULL');
    };
    const stealing = thief();
    for (let replica = 0; replica < 3; replica++) publish();
    const sent: Cid[] = [];
    const everything = async () => {
      for (let round = 0; round < 15; round++) sent.push(...(await send(10)));
      return published();
    };
    const [{ segments: count, envelopes }] = await Promise.all([everything().finally(() => (isOver = true)), stealing]);
    expect(envelopes).toBe(150);
    const stored = await segments();
    expect(stored).toHaveLength(count);
    const named = stored.flatMap(({ bytes }) => parseSegment(new Uint8Array(bytes)).envelopes);
    expect(named).toHaveLength(150);
    expect(new Set(named)).toEqual(new Set(sent));
  });

  test('where another replica moved the head after this one had signed', async () => {
    const slow: typeof ring = {
      ...ring,
      author: {
        ...ring.author,
        key: {
          publicKey: ring.author.key.publicKey,
          sign: async (message) => {
            if (!isMoved) {
              isMoved = true;
              await database.query('UPDATE log_head SET publisher = NULL');
              publish();
              await published();
            }
            return ring.author.key.sign(message);
          },
        },
      },
    };
    let isMoved = false;
    await send(4);
    const log = createLogger({ name: 'test', level: 'silent' });
    running.push(startPublisher({ role: 'fiduciary', database, ring: slow, store, log, clock }));
    while (!isMoved) await delay(10);
    expect(await published()).toMatchObject({ segments: 1, envelopes: 4 });
    await send(1);
    expect(await published()).toMatchObject({ segments: 2, envelopes: 5 });
  });

  test('where a replica has a newer key file: the others leave the log to it', async () => {
    await send(1);
    publish();
    expect(await published()).toMatchObject({ segments: 1 });
    const newer = await rotated();
    await Admission.open(database, newer);
    await send(2);
    const log = createLogger({ name: 'test', level: 'silent' });
    const head = await publishedHead(database);
    expect(await takePublication(database, randomUUID(), [ring.first])).toBeUndefined();
    const late = { seq: 1, segment: cidOf(randomBytes(8)), bytes: randomBytes(8) }; // signed before it could know
    expect(await storeSegment(database, late, head?.segment ?? null, [], [ring.first])).toBe(false);
    await database.query('UPDATE log_head SET publisher = NULL'); // whose right would end by itself in 15 s
    running.push(startPublisher({ role: 'fiduciary', database, ring: newer, store, log, clock }));
    expect(await published()).toMatchObject({ identity: ring.first, segments: 2, envelopes: 3 });
    const issuers = (await segments()).map(({ bytes }) => parseSegment(new Uint8Array(bytes)).issuer);
    expect(issuers).toEqual([ring.first, newer.author.identity.cid]);
  });

  test('by an envelope that was committed late, under a lower number than is published', async () => {
    await send(1);
    const job = publish();
    await published();
    await job.stop();
    await database.query('ALTER TABLE envelopes ALTER COLUMN seq SET GENERATED BY DEFAULT');
    const [late] = await send(1);
    await database.query('UPDATE envelopes SET seq = -1 WHERE cid = $1', [late]);
    publish();
    expect(await published()).toMatchObject({ segments: 2, envelopes: 2 });
  });
});

test('a right to publish that lasts longer than any was taken by a clock that was ahead, and is free', async () => {
  const [gone, here] = [randomUUID(), randomUUID()];
  const generations = ring.identities.map(({ cid }) => cid);
  expect(await takePublication(database, gone, generations)).toBeNull();
  expect(await takePublication(database, here, generations)).toBeUndefined();
  await database.query("UPDATE log_head SET until = until + interval '1 year'");
  expect(await takePublication(database, here, generations)).toBeNull();
});

test('nothing is signed or forgotten while the clock is in doubt', async () => {
  const right = clock;
  clock = { ...right, agrees: false, doubt: { kind: 'skewed', sentence: 'an hour ahead' } };
  try {
    await send(1);
    await publish().stop(); // which waits for the end of its turn
    expect(await publicationBacklog(database)).toMatchObject({ envelopes: 1 });
  } finally {
    clock = right;
  }
  publish();
  await published();
  await running.pop()?.stop();
  await database.query("UPDATE envelopes SET published_at = now() - interval '8 days' WHERE log");
  clock = { ...right, agrees: true, doubt: { kind: 'unsteady', sentence: 'it jumped' } };
  try {
    await publish().stop();
    expect(await database.query('SELECT FROM envelopes WHERE log AND bytes IS NOT NULL')).toHaveLength(1);
  } finally {
    clock = right;
  }
  await publish().stop();
  expect(await database.query('SELECT FROM envelopes WHERE log AND bytes IS NOT NULL')).toEqual([]);
});

describe('bytes leave the row', () => {
  beforeEach(async () => {
    await send(2);
    const job = publish();
    await published();
    await job.stop(); // it forgets by itself
  });

  const kept = async () =>
    (await database.query<{ cid: Cid }>('SELECT cid FROM envelopes WHERE log AND bytes IS NOT NULL')).map(
      ({ cid }) => cid,
    );

  test('a week after publication and not before', async () => {
    await database.query(
      "UPDATE envelopes SET published_at = now() - interval '7 days' + interval '1 minute' WHERE log",
    );
    expect(await forgetPublished(database)).toBe(0);
    const cids = await kept();
    expect(cids).toHaveLength(2);
    await database.query("UPDATE envelopes SET published_at = now() - interval '7 days 1 minute' WHERE log");
    expect(await forgetPublished(database)).toBe(2);
    expect(await kept()).toEqual([]);
    for (const cid of cids) expect((await store.get(cid)).length).toBeGreaterThan(0);
    const unlogged = await database.query('SELECT FROM envelopes WHERE NOT log AND bytes IS NOT NULL');
    expect(unlogged).toHaveLength(1);
    expect(await published()).toMatchObject({ envelopes: 2 });
  });

  test('not while a message is still owed', async () => {
    const [owed = '' as Cid] = await kept(); // there are two
    await database.query(
      "INSERT INTO deliveries (order_ref, envelope, verb, party, role) SELECT order_ref, cid, 'commit', 'x', 'fiduciary' FROM envelopes WHERE cid = $1",
      [owed],
    );
    await database.query("UPDATE envelopes SET published_at = now() - interval '8 days' WHERE log");
    expect(await forgetPublished(database)).toBe(1);
    expect(await kept()).toEqual([owed]);
    expect(cidOf(await envelopeBytes(database, owed))).toBe(owed);
    await database.query("UPDATE deliveries SET state = 'answered'");
    expect(await forgetPublished(database)).toBe(1);
  });
});
