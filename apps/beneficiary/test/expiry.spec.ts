import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { secp256k1 } from '@dta/crypto';
import { expireOrder, openNode, type Database, type Node, type NodeOptions } from '@dta/node';
import { cast, codeOf, RoleRig, steadyAt, WiredParties, type Cast } from '@dta/node/testing';
import { expireBeneficiaryOrder } from '@dta/order';
import { startBeneficiary } from '../src/index.js';
import { beneficiaryOrders } from '../src/order.repository.js';

const DAY = 24 * 60 * 60_000;

let rig: RoleRig;
let options: NodeOptions;
let database: Database;
let members: Cast;

beforeAll(async () => {
  rig = await RoleRig.open();
  members = await cast();
  options = await rig.prepare(members.b, 'beneficiary', [members.p.identity]);
  await rig.start(startBeneficiary, options);
  database = await rig.intrude(options);
});

afterAll(() => rig.close());

/** An order that P has reported as committed, of which nothing after its Enrolment has reached B. */
async function withheld(keepUntil?: number): Promise<WiredParties> {
  const parties = new WiredParties(rig, members).wire(members.b);
  parties.held.add('manifest').add('commit').add('redeem');
  await parties.place({ keepUntil });
  expect(parties.order.state).toBe('committed');
  return parties;
}

/** What the sweep does to one order at that time. */
async function sweep(parties: WiredParties, now: number): Promise<void> {
  const node: Node = await openNode(
    options,
    rig.parts(() => now),
  );
  try {
    const clock = steadyAt(now);
    await expireOrder({ ...node, clock }, beneficiaryOrders(node), parties.order.ref, expireBeneficiaryOrder);
  } finally {
    await node.close();
  }
}

async function left({ order: { ref } }: WiredParties) {
  const [row] = await database.query<{ state: string; due: boolean; secrets: number }>(
    `SELECT state, due_at IS NOT NULL AS due, (SELECT count(*)::integer FROM secrets WHERE order_ref = $1) AS secrets
     FROM orders WHERE ref = $1`,
    [ref],
  );
  return row;
}

test('an order whose Commitment is withheld for years is kept, and redeemed when it comes', async () => {
  const parties = await withheld();
  await sweep(parties, parties.order.setupBy + 3_650 * DAY);
  expect(await left(parties)).toEqual({ state: 'enrolled', due: false, secrets: 2 });
  expect(await codeOf(parties.ask(parties.message('commit', 'beneficiary')))).toBe('answered');
  await parties.redeem();
  expect(await codeOf(parties.ask(parties.message('redeem', 'beneficiary')))).toBe('answered');
  const params = { orderReference: parties.order.ref, extension: null };
  const { secret } = await rig.call(options, members.b, 'beneficiary.reveal-secret', params);
  expect(secp256k1.publicPoint(secret)).toEqual(parties.order.commitment);
});

test('keepUntil ends it, at which the fiduciaries erase too, and not before', async () => {
  const keepUntil = Date.now() + 90 * DAY;
  const parties = await withheld(keepUntil);
  await sweep(parties, keepUntil);
  expect(await left(parties)).toEqual({ state: 'enrolled', due: true, secrets: 2 });
  await sweep(parties, keepUntil + 1);
  expect(await left(parties)).toEqual({ state: 'closed', due: false, secrets: 0 });
  expect(await codeOf(parties.ask(parties.message('commit', 'beneficiary')))).toBe('order_state_conflict');
});
