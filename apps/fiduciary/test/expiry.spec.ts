import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  expireOrder,
  openNode,
  type Clock,
  type Database,
  type Node,
  type NodeOptions,
  type RunningRole,
} from '@dta/node';
import { cast, codeOf, RoleRig, steadyAt, WiredParties, type Cast } from '@dta/node/testing';
import { expireFiduciaryOrder } from '@dta/order';
import { startFiduciary } from '../src/index.js';
import { fiduciaryOrders } from '../src/order.repository.js';

const DAY = 24 * 60 * 60_000;

let rig: RoleRig;
let options: NodeOptions;
let database: Database;
let running: RunningRole;
let members: Cast;

beforeAll(async () => {
  rig = await RoleRig.open();
  members = await cast();
  options = await rig.prepare(members.f1, 'fiduciary', [members.p.identity]);
  running = await rig.start(startFiduciary, options);
  database = await rig.intrude(options);
});

afterAll(async () => {
  await rig.close();
});

const order = () => new WiredParties(rig, members).wire(members.f1);

/** What the sweep does to one order at that time. */
async function sweep(parties: WiredParties, now: number, clock: Clock = steadyAt(now)): Promise<void> {
  const node: Node = await openNode(
    options,
    rig.parts(() => now),
  );
  try {
    await expireOrder({ ...node, clock }, fiduciaryOrders(node), parties.order.ref, expireFiduciaryOrder);
  } finally {
    await node.close();
  }
}

interface Left {
  readonly state: string;
  readonly due: boolean;
  readonly secrets: number;
  readonly attachments: number;
}

async function left({ order: { ref } }: WiredParties): Promise<Left | undefined> {
  const [row] = await database.query<Left>(
    `SELECT state, due_at IS NOT NULL AS due, (SELECT count(*)::integer FROM secrets WHERE order_ref = $1) AS secrets,
       (SELECT count(attachments)::integer FROM replies WHERE order_ref = $1) AS attachments
     FROM orders WHERE ref = $1`,
    [ref],
  );
  return row;
}

test.each(['deal', 'confirm'] as const)('an order that stops before %s is erased after setupBy', async (verb) => {
  const parties = order();
  parties.held.add(verb);
  await parties.place();
  const state = verb === 'deal' ? 'accepted' : 'dealt';
  const attachments = verb === 'deal' ? 1 : 2;
  expect(await left(parties)).toEqual({ state, due: true, secrets: 1, attachments });
  await sweep(parties, parties.order.setupBy);
  expect(await left(parties)).toMatchObject({ state, secrets: 1 });
  await sweep(parties, parties.order.setupBy + 1);
  expect(await left(parties)).toEqual({ state: 'erased', due: false, secrets: 0, attachments: 0 });
  expect(await codeOf(parties.ask(parties.message(verb, 1)))).toBe('order_state_conflict');
  // a tombstone: the same Request never begins anew
  expect(await codeOf(parties.offer(parties.message('accept', 1), {}))).toBe('order_state_conflict');
});

test('an order that it confirmed is kept, whatever P does: setupBy no longer acts', async () => {
  const parties = order();
  parties.held.add('commit');
  await parties.place();
  await sweep(parties, parties.order.setupBy + 365 * DAY);
  expect(await left(parties)).toMatchObject({ state: 'confirmed', due: false, secrets: 2 });
  expect(await codeOf(parties.ask(parties.message('commit', 1)))).toBe('answered');
  expect(await left(parties)).toMatchObject({ state: 'committed', secrets: 1, attachments: 0 });
});

test('a committed order is erased after keepUntil, and not before', async () => {
  const parties = order();
  const keepUntil = Date.now() + 30 * DAY;
  await parties.place({ keepUntil });
  await sweep(parties, keepUntil);
  expect(await left(parties)).toMatchObject({ state: 'committed', due: true, secrets: 1 });
  await sweep(parties, keepUntil + 1);
  expect(await left(parties)).toEqual({ state: 'erased', due: false, secrets: 0, attachments: 0 });
  parties.held.add('redeem');
  expect(await codeOf(parties.redeem())).toBe('order_state_conflict');
});

test('the sweep runs at start: what passed while the fiduciary was down is ended; bad rows, however many, keep no other', async () => {
  const [bad, good] = [order(), order()];
  for (const parties of [bad, good]) {
    parties.held.add('deal');
    await parties.place({ setupBy: Date.now() + 8_000 });
  }
  await database.query(`UPDATE orders SET record = '\\x00', due_at = 0 WHERE ref = $1`, [bad.order.ref]);
  await database.query(
    `INSERT INTO orders SELECT ref || n, version, state, beneficiary, created_at, due_at, record, mac
     FROM orders, generate_series(1, 149) AS n WHERE ref = $1`,
    [bad.order.ref],
  );
  await running.stop();
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, good.order.setupBy + 10 - Date.now())));
  running = await rig.start(startFiduciary, options);
  const erased = async () => (await left(good))?.state === 'erased';
  for (let waited = 0; !(await erased()) && waited < 20_000; waited += 50) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(await left(good)).toEqual({ state: 'erased', due: false, secrets: 0, attachments: 0 });
  const lines = rig.logged.filter((line) => line.includes('an order was not ended'));
  const named = lines.map((line) => (JSON.parse(line) as { orderReference: string }).orderReference); // as it is logged
  expect(new Set(named).size).toBe(150); // some twice, where a sweep ran before the stop
});
