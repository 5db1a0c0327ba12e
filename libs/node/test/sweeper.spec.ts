import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { cidOf } from '@dta/codec';
import { randomBytes } from '@dta/crypto';
import { openNode, startSweeper, type Node, type OrderTable } from '../src/index.js';
import { cast, RoleRig } from './testing/index.js';

let rig: RoleRig;
let node: Node;

beforeAll(async () => {
  rig = await RoleRig.open();
  const { p } = await cast();
  node = await openNode(await rig.prepare(p, 'principal', []), rig.parts());
});

afterAll(async () => {
  await node.close();
  await rig.close();
});

const anyCid = () => cidOf(randomBytes(16));

async function sweepOnce(): Promise<void> {
  let isDone: () => void = () => undefined;
  const done = new Promise<void>((resolve) => (isDone = resolve));
  const endPastPeriods = async () => (isDone(), { destroyed: [], kept: [] }); // what a sweep does last
  const orders = { due: async function* () {} } as unknown as OrderTable<unknown>; // nothing is due
  const secrets = { endPastPeriods } as unknown as Node['secrets']; // nothing else of it is asked
  const job = startSweeper({ ...node, secrets }, orders, async () => undefined);
  await done;
  await job.stop();
}

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

test('a Receipt that nobody has taken for a week is given up, and nothing else', async () => {
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
