import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { cidOf, type Cid } from '@dta/codec';
import { randomBytes } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { known } from '@dta/order/testing';
import { openNode, startSweeper, type Node, type OrderTable } from '../src/index.js';
import { cast, RoleRig } from './testing/index.js';

const YEAR = 365 * 24 * 60 * 60_000;

let rig: RoleRig;
let node: Node;
let ahead = 0;
let setDatabase: (aheadMs: number) => Promise<void>;

beforeAll(async () => {
  rig = await RoleRig.open();
  const { p } = await cast();
  const options = await rig.prepare(p, 'principal', []);
  setDatabase = await rig.clockOf(options);
  node = await openNode(
    options,
    rig.parts(() => Date.now() + ahead),
  );
});

afterAll(async () => {
  await node.close();
  await rig.close();
});

const anyCid = () => cidOf(randomBytes(16));

/** One sweep: which orders it ended, and whether it ended key periods. */
async function sweepOnce(due: readonly Cid[] = []): Promise<{ ended: Cid[]; periods: number }> {
  const ended: Cid[] = [];
  let periods = 0;
  const endPastPeriods = async () => ((periods += 1), { destroyed: [], kept: [] });
  const orders = {
    due: async function* () {
      yield* due;
    },
  } as unknown as OrderTable<unknown>; // nothing else of it is asked
  const secrets = { endPastPeriods } as unknown as Node['secrets']; // as above
  await startSweeper({ ...node, secrets }, orders, async (ref) => void ended.push(ref)).stop(); // which waits for its end
  return { ended, periods };
}

/** Something of each kind that a sweep ends, all of it past its time; gives what is left of it. */
async function old(): Promise<() => Promise<{ releases: number; receipts: number; calls: number }>> {
  const [ref, envelope, id] = [anyCid(), anyCid(), randomBytes(16)];
  await node.database.query(
    `INSERT INTO orders (ref, version, state, created_at, record, mac) VALUES ($1, 1, 'x', 1, '', '')`,
    [ref],
  );
  await node.database.query(
    `INSERT INTO replies (order_ref, verb, request, envelope, further, created_at)
     VALUES ($1, 'release', $2, '', 'x', pg_catalog.now() - interval '11 minutes')`,
    [ref, anyCid()],
  );
  await node.database.query(`INSERT INTO envelopes (cid, order_ref, bytes, log) VALUES ($1, $2, '', true)`, [
    envelope,
    ref,
  ]);
  await node.database.query(
    `INSERT INTO deliveries (order_ref, envelope, verb, party, role, created_at)
     VALUES ($1, $2, 'receipt', 'x', 'fiduciary', pg_catalog.now() - interval '8 days')`,
    [ref, envelope],
  );
  await node.database.query(`INSERT INTO internal_calls VALUES ($1, pg_catalog.now() - interval '11 minutes')`, [
    Buffer.from(id),
  ]);
  return async () => {
    const [left] = await node.database.query<{ releases: number; receipts: number; calls: number }>(
      `SELECT (SELECT count(further)::integer FROM replies WHERE order_ref = $1) AS releases,
         (SELECT count(*)::integer FROM deliveries WHERE order_ref = $1 AND state = 'owed') AS receipts,
         (SELECT count(*)::integer FROM internal_calls WHERE id = $2) AS calls`,
      [ref, Buffer.from(id)],
    );
    return known(left);
  };
}

describe('a sweep', () => {
  afterEach(async () => {
    ahead = 0;
    await setDatabase(0);
    await node.database.query('UPDATE clock SET seen = NULL, steady_since = 0');
    await node.clock.look(); // finds the jump back
    await node.database.query('UPDATE clock SET seen = NULL, steady_since = 0'); // and an hour passes
    await node.clock.look();
  });

  test.each<[string, number, number]>([
    ['the own clock is a year ahead', YEAR, 0],
    ['the own clock is a year behind', -YEAR, 0],
    ["the database's clock is a year ahead", 0, YEAR],
    ["the database's clock is a year behind", 0, -YEAR],
    ['both have jumped a year ahead', YEAR, YEAR],
    ['both have jumped a year back', -YEAR, -YEAR],
  ])('ends nothing while %s', async (_, own, database) => {
    const left = await old();
    ahead = own;
    await setDatabase(database);
    expect(await sweepOnce([anyCid()])).toEqual({ ended: [], periods: 0 });
    expect(await left()).toEqual({ releases: 1, receipts: 1, calls: 1 });
  });

  test('ends all of it where nothing is wrong, and stops where a clock jumps in the middle', async () => {
    const [left, due] = [await old(), anyCid()];
    expect(await sweepOnce([due])).toEqual({ ended: [due], periods: 1 });
    expect(await left()).toEqual({ releases: 0, receipts: 0, calls: 0 });

    const later = await old();
    const ended: Cid[] = [];
    const orders = {
      due: async function* () {
        yield* [due, anyCid()];
      },
    } as unknown as OrderTable<unknown>; // as above
    const jump = async (ref: Cid) => {
      ended.push(ref);
      ahead = YEAR;
    };
    await startSweeper(node, orders, jump).stop();
    expect(ended).toEqual([due]);
    expect(await later()).toEqual({ releases: 1, receipts: 1, calls: 1 });
  });
});

test('a part of the sweep that fails keeps no other from its work, and is in the log', async () => {
  const left = await old();
  await node.database.query('ALTER TABLE deliveries RENAME COLUMN verb TO word');
  rig.logged.length = 0;
  try {
    expect(await sweepOnce()).toEqual({ ended: [], periods: 1 });
  } finally {
    await node.database.query('ALTER TABLE deliveries RENAME COLUMN word TO verb');
  }
  expect(await left()).toEqual({ releases: 0, receipts: 1, calls: 0 });
  const failed = rig.logged.filter((line) => line.includes('a part of the sweep failed'));
  expect(failed.map((line) => (JSON.parse(line) as { part: string }).part)).toEqual(['messages owed for too long']); // as pino writes it
});

test('an order that is left to a newer replica is no error, and keeps no other from its end', async () => {
  const [newer, due] = [anyCid(), anyCid()];
  const ended: Cid[] = [];
  const orders = {
    due: async function* () {
      yield* [newer, due];
    },
  } as unknown as OrderTable<unknown>; // nothing else of it is asked
  rig.logged.length = 0;
  await startSweeper(node, orders, async (ref) => {
    if (ref === newer) throw new DtaError('busy', 'newer');
    ended.push(ref);
  }).stop();
  expect(ended).toEqual([due]);
  expect(rig.logged.filter((line) => line.includes('was not ended'))).toEqual([]);
  expect(rig.logged.filter((line) => line.includes('is left to a newer replica') && line.includes(newer))).toHaveLength(
    1,
  );
});

test('Releases that are to go are found without reading all replies', async () => {
  const plan = await node.database.query<{ 'QUERY PLAN': string }>(
    `EXPLAIN SELECT ctid FROM replies
     WHERE verb = 'release' AND further IS NOT NULL AND created_at < now() - interval '10 minutes' LIMIT 1000`,
  );
  expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain('replies_releases');
});

test('a Release goes from the stored reply ten minutes after it was given, and not before', async () => {
  const ref = anyCid();
  await node.database.query(
    `INSERT INTO orders (ref, version, state, created_at, record, mac) VALUES ($1, 1, 'x', 1, '', '')`,
    [ref],
  );
  const give = (verb: string, seconds: number) =>
    node.database.query(
      `INSERT INTO replies (order_ref, verb, request, envelope, further, created_at)
       VALUES ($1, $2, $3, '', 'x', now() - make_interval(secs => $4))`,
      [ref, verb, anyCid(), seconds],
    );
  await give('release', 601);
  await give('release', 540);
  await give('other', 601);
  await sweepOnce();
  const left = await node.database.query<{ verb: string; kept: boolean }>(
    'SELECT verb, further IS NOT NULL AS kept FROM replies WHERE order_ref = $1 ORDER BY created_at, verb DESC',
    [ref],
  );
  expect(left).toEqual([
    { verb: 'release', kept: false },
    { verb: 'other', kept: true },
    { verb: 'release', kept: true },
  ]);
});

test('a Receipt that no party has taken for a week is given up, and nothing else', async () => {
  const [ref, envelope] = [anyCid(), anyCid()];
  await node.database.query(
    `INSERT INTO orders (ref, version, state, created_at, record, mac) VALUES ($1, 1, 'x', 1, '', '')`,
    [ref],
  );
  await node.database.query(`INSERT INTO envelopes (cid, order_ref, bytes, log) VALUES ($1, $2, '', true)`, [
    envelope,
    ref,
  ]);
  const owe = (verb: string, party: string, days: number) =>
    node.database.query(
      `INSERT INTO deliveries (order_ref, envelope, verb, party, role, created_at)
       VALUES ($1, $2, $3, $4, 'fiduciary', now() - make_interval(days => $5))`,
      [ref, envelope, verb, party, days],
    );
  await owe('receipt', 'long ago', 8);
  await owe('receipt', 'lately', 6);
  await owe('commit', 'long ago', 3_650);
  await sweepOnce();
  const left = await node.database.query<{ verb: string; party: string; state: string }>(
    'SELECT verb, party, state FROM deliveries WHERE order_ref = $1 ORDER BY verb, party',
    [ref],
  );
  expect(left).toEqual([
    { verb: 'commit', party: 'long ago', state: 'owed' },
    { verb: 'receipt', party: 'lately', state: 'owed' },
    { verb: 'receipt', party: 'long ago', state: 'closed' },
  ]);
});
