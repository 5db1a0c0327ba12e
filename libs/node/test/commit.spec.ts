import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { cidOf, type Cid } from '@dta/codec';
import { randomBytes } from '@dta/crypto';
import type { OrderStatement } from '@dta/order';
import { freshDatabase, type FreshDatabase } from '@dta/testkit';
import pg from 'pg';
import {
  begin,
  commit,
  deliveriesOf,
  migrateDatabase,
  openDatabase,
  ORDER_CHANGED,
  writeAnswers,
  type Change,
  type Database,
  type SealedSecret,
} from '../src/index.js';
import { refusal } from './refusal.js';
import { rowsOf } from './testing/index.js';

let fresh: FreshDatabase;
let database: Database;
let ref: Cid;

beforeAll(async () => {
  fresh = await freshDatabase();
  await migrateDatabase({ url: fresh.url, poolSize: 1 });
  database = await openDatabase({ url: fresh.url, poolSize: 5 });
});

afterAll(async () => {
  await database.close();
  await fresh.drop();
});

beforeEach(() => {
  ref = anyCid();
});

const anyCid = () => cidOf(randomBytes(16));
const statement = (): OrderStatement => {
  const bytes = randomBytes(40);
  return { cid: cidOf(bytes), bytes } as OrderStatement; // a row needs no more of it
};
const secret = (what: SealedSecret['name']['what'], index: number | null = null): SealedSecret => ({
  name: { what, request: ref, epoch: 0, transcript: null, index },
  key: 'period-1',
  sealed: randomBytes(60),
});

/** A step that writes one row of every kind. */
function change(version: number | null, said: Partial<Change> = {}): Change {
  const envelope = randomBytes(50);
  return {
    order: {
      ref,
      version,
      state: 'some',
      beneficiary: null,
      createdAt: 1,
      dueAt: null,
      record: randomBytes(8),
      mac: randomBytes(32),
    },
    statements: [statement()],
    secrets: [],
    erase: [],
    envelopes: [{ cid: cidOf(envelope), bytes: envelope, log: true }],
    deliveries: [{ envelope: cidOf(envelope), verb: 'some', party: anyCid(), role: 'fiduciary', attachments: [] }],
    close: [],
    reply: { verb: 'some', request: anyCid(), envelope, further: [randomBytes(9)], attachments: [randomBytes(7)] },
    settled: null,
    events: ['some'],
    answers: [],
    lease: null,
    notify: false,
    idempotency: null,
    begun: begin(1),
    now: 1,
    ...said,
  };
}

const version = async () =>
  (await database.query<{ version: number }>('SELECT version FROM orders WHERE ref = $1', [ref]))[0]?.version;

/** Whether `attempt` is refused and leaves every table as it was. */
async function leavesNothing(attempt: Promise<void>, expected: unknown): Promise<void> {
  const before = await rowsOf(database);
  await expect(attempt).rejects.toThrow(expected as Error); // what toThrow takes
  expect(await rowsOf(database)).toEqual(before);
}

describe('a step is written', () => {
  test('whole: a row of each kind', async () => {
    const before = await rowsOf(database);
    await commit(database, change(null, { secrets: [secret('epoch-seed')] }));
    const after = await rowsOf(database);
    for (const table of Object.keys(before)) expect([table, after[table]]).toEqual([table, (before[table] ?? 0) + 1]);
    expect(await version()).toBe(1);
  });

  test('once: of ten at the same version one wins, and the others write nothing', async () => {
    await commit(database, change(null));
    const before = await rowsOf(database);
    const attempts = await Promise.allSettled(Array.from({ length: 10 }, () => commit(database, change(1))));
    const lost = attempts.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[]; // it narrows
    expect(lost).toHaveLength(9);
    for (const { reason } of lost) expect(reason).toMatchObject({ code: 'write_conflict' });
    const after = await rowsOf(database);
    expect(after).toMatchObject({ orders: before['orders'], replies: (before['replies'] ?? 0) + 1 });
    expect(await version()).toBe(2);
  });

  test('once: of ten that begin an order one wins', async () => {
    const attempts = await Promise.allSettled(Array.from({ length: 10 }, () => commit(database, change(null))));
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await database.query('SELECT FROM replies WHERE order_ref = $1', [ref])).toHaveLength(1);
  });
});

describe('a step that fails leaves nothing behind:', () => {
  test('at another version', async () => {
    await commit(database, change(null));
    await leavesNothing(commit(database, change(7)), refusal('write_conflict'));
    await leavesNothing(commit(database, change(null)), refusal('write_conflict'));
    expect(await version()).toBe(1);
  });

  test('of an order that there is not', async () => {
    await leavesNothing(commit(database, change(1)), refusal('write_conflict'));
  });

  test('where it began more than a minute ago, by the time of day or by the clock that nothing sets', async () => {
    const [now, monotonic] = [Date.now(), performance.now()];
    for (const begun of [
      { at: now - 60_001, monotonic },
      { at: now + 60_001, monotonic: monotonic - 60_001 },
    ])
      await leavesNothing(commit(database, change(null, { begun, now })), refusal('write_conflict', 'slept'));
    await commit(database, change(null, { begun: { at: now - 59_999, monotonic }, now }));
    expect(await version()).toBe(1);
  });

  test('with a reply to a request that has one', async () => {
    const first = change(null);
    await commit(database, first);
    await leavesNothing(commit(database, change(1, { reply: first.reply })), refusal('write_conflict'));
    expect(await version()).toBe(1);
  });

  test('with a secret whose place is taken', async () => {
    await commit(database, change(null, { secrets: [secret('share', 1)] }));
    await leavesNothing(commit(database, change(1, { secrets: [secret('share', 1)] })), refusal('write_conflict'));
    const twice = { secrets: [secret('share', 2), secret('share', 2)] };
    await leavesNothing(commit(database, change(1, twice)), refusal('write_conflict'));
  });

  test('with an Idempotency-Key that was used', async () => {
    const idempotency = { tenant: 'one', key: randomBytes(32), asked: randomBytes(32), mac: randomBytes(32) };
    await commit(database, change(null, { idempotency }));
    ref = anyCid();
    await leavesNothing(commit(database, change(null, { idempotency })), refusal('write_conflict'));
  });

  test('in its last part, for whatever reason', async () => {
    await commit(database, change(null));
    const beyond = { secrets: [secret('share', 40_000)] }; // no smallint
    await leavesNothing(commit(database, change(1, beyond)), /smallint/);
    const unknown = change(1, {
      deliveries: [{ envelope: anyCid(), verb: 'some', party: anyCid(), role: 'fiduciary', attachments: [] }],
    });
    await leavesNothing(commit(database, unknown), /foreign key/);
    expect(await version()).toBe(1);
  });
});

describe('what a step takes away', () => {
  const secrets = async () =>
    (await database.query<{ what: string }>('SELECT what FROM secrets WHERE order_ref = $1 ORDER BY what', [ref])).map(
      ({ what }) => what,
    );

  test('secrets of the kinds that it names, or all; never those of another order', async () => {
    await commit(database, change(null, { secrets: [secret('share', 1), secret('epoch-seed'), secret('secret')] }));
    const kept = ref;
    ref = anyCid();
    await commit(database, change(null, { secrets: [secret('share', 1), secret('epoch-seed'), secret('secret')] }));
    await commit(database, change(1, { erase: ['epoch-seed'] }));
    expect(await secrets()).toEqual(['secret', 'share']);
    await commit(database, change(2, { erase: 'all' }));
    expect(await secrets()).toEqual([]);
    ref = kept;
    expect(await secrets()).toEqual(['epoch-seed', 'secret', 'share']);
  });

  test('attachments of stored replies and deliveries once a setup is over, Releases once a redemption is', async () => {
    const [envelope, party] = [randomBytes(20), anyCid()];
    const owed = {
      envelope: cidOf(envelope),
      verb: 'deal',
      party,
      role: 'fiduciary',
      attachments: [randomBytes(5)],
    } as const;
    await commit(
      database,
      change(null, { envelopes: [{ cid: cidOf(envelope), bytes: envelope, log: true }], deliveries: [owed] }),
    );
    const heavy = async () => {
      const [row] = await database.query(
        `SELECT (SELECT count(*) FROM replies WHERE order_ref = $1 AND attachments IS NOT NULL)::integer
           + (SELECT count(*) FROM deliveries WHERE order_ref = $1
             AND coalesce(attachments, answer_attachments) IS NOT NULL)::integer AS attachments,
           (SELECT count(*) FROM replies WHERE order_ref = $1 AND further IS NOT NULL)::integer
           + (SELECT count(*) FROM deliveries WHERE order_ref = $1 AND answer_envelopes IS NOT NULL)::integer AS releases`,
        [ref],
      );
      return row;
    };
    expect(await heavy()).toEqual({ attachments: 2, releases: 1 });
    const answer = { envelope: owed.envelope, verb: 'deal', party, statements: [], attachments: [randomBytes(5)] };
    await commit(
      database,
      change(1, { reply: null, deliveries: [], answers: [{ ...answer, envelopes: [randomBytes(5)] }] }),
    );
    expect(await heavy()).toEqual({ attachments: 2, releases: 2 });
    await commit(database, change(2, { settled: 'setup', reply: null, deliveries: [] }));
    expect(await heavy()).toEqual({ attachments: 0, releases: 2 });
    await commit(database, change(3, { settled: 'redemption', reply: null, deliveries: [] }));
    expect(await heavy()).toEqual({ attachments: 0, releases: 0 });
  });

  test('deliveries that nobody waits for', async () => {
    const envelope = randomBytes(20);
    const [one, two] = ['deal', 'manifest'].map((verb) => ({
      ...{ envelope: cidOf(envelope), verb, party: anyCid(), role: 'fiduciary', attachments: [randomBytes(5)] },
    })) as unknown as Change['deliveries']; // two of them
    if (one === undefined || two === undefined) throw new Error('two');
    await commit(
      database,
      change(null, { envelopes: [{ cid: cidOf(envelope), bytes: envelope, log: true }], deliveries: [one, two] }),
    );
    await commit(database, change(1, { close: ['manifest'], deliveries: [] }));
    const states = async () => (await deliveriesOf(database, ref)).map(({ verb, state }) => `${verb} ${state}`);
    expect(await states()).toEqual(['deal owed', 'manifest closed']);
    await commit(database, change(2, { close: 'all', deliveries: [] }));
    expect(await states()).toEqual(['deal closed', 'manifest closed']);
  });
});

describe('answers to deliveries', () => {
  test('are written once: the first stays', async () => {
    const [envelope, party] = [randomBytes(20), anyCid()];
    const owed = { envelope: cidOf(envelope), verb: 'deal', party, role: 'fiduciary', attachments: [] } as const;
    await commit(
      database,
      change(null, { envelopes: [{ cid: cidOf(envelope), bytes: envelope, log: true }], deliveries: [owed] }),
    );
    const answer = (said: OrderStatement) => ({
      ...{ envelope: owed.envelope, verb: 'deal', party, statements: [said], envelopes: [], attachments: [] },
    });
    const [first, second] = [statement(), statement()];
    await writeAnswers(database, ref, [answer(first)]);
    await writeAnswers(database, ref, [answer(second)]);
    await commit(database, change(1, { answers: [answer(second)], deliveries: [] }));
    const [delivery] = await deliveriesOf(database, ref);
    expect(delivery).toMatchObject({ state: 'answered', answer: { statements: [first.cid] } });
  });
});

test('whoever listens is told of the order, its version and its state, once the step is written', async () => {
  const listener = new pg.Client({ connectionString: fresh.url });
  await listener.connect();
  const told: (string | undefined)[] = [];
  listener.on('notification', ({ payload }) => told.push(payload));
  await listener.query(`LISTEN ${ORDER_CHANGED}`);
  await commit(database, change(null, { notify: true }));
  await commit(database, change(1, { notify: true }));
  await commit(database, change(1, { notify: true })).catch(() => undefined);
  await listener.query('SELECT 1');
  await listener.end();
  expect(told).toEqual([`${ref} 1 some`, `${ref} 2 some`]);
});
