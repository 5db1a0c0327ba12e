import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { Cid } from '@dta/codec';
import { ORDERS_DRIVEN_MAX } from '@dta/contracts';
import { openNode, type Database } from '@dta/node';
import type { Cast, PlayedPeers, RoleRig } from '@dta/node/testing';
import { REDEMPTION_MS, startRedemption } from '@dta/order';
import type { PrincipalOptions } from '../src/index.js';
import { readOrder, writeStep } from '../src/open-order.js';
import { OrderDriver } from '../src/order-driver.js';
import { OrderRepository } from '../src/order.repository.js';
import { OrderWatch } from '../src/order-watch.js';
import { asked } from './asked.js';
import { startWithOneFiduciary } from './one-fiduciary.js';

let rig: RoleRig;
let members: Cast;
let options: PrincipalOptions;
let database: Database;
let peers: PlayedPeers;

beforeAll(async () => {
  ({ rig, members, options, peers } = await startWithOneFiduciary());
  database = await rig.intrude(options);
});

beforeEach(() => {
  peers.tamper = async (reply) => reply;
});

afterAll(() => rig.close());

const place = () => rig.call(options, members.p, 'principal.place-order', asked());
const reached = (orderReference: Cid, until: 'committed' | 'released') =>
  rig.call(options, members.p, 'principal.await-order', { orderReference, until, waitMs: 60_000 });

test('orders whose fiduciary hangs keep no other order waiting', async () => {
  const hanging = new Set<Cid>();
  let letGo: () => void = () => undefined;
  const hung = new Promise<void>((resolve) => (letGo = resolve));
  let isHealthy = false;
  peers.tamper = async (reply, verb, { order: { ref } }) => {
    if (verb === 'enrol' && !isHealthy) hanging.add(ref);
    if (verb === 'accept' && hanging.has(ref)) await hung;
    return reply;
  };
  try {
    await Promise.all(Array.from({ length: ORDERS_DRIVEN_MAX }, place));
    const asking = () =>
      database.query<{ attempts: number }>("SELECT attempts FROM deliveries WHERE verb = 'accept' AND state = 'owed'");
    while ((await asking()).length < ORDERS_DRIVEN_MAX); // each is asked, and has a place
    isHealthy = true;
    const { orderReference } = await place();
    expect((await reached(orderReference, 'committed')).state).toBe('committed');
    const attempts = (await asking()).map((row) => row.attempts);
    expect(attempts).toHaveLength(ORDERS_DRIVEN_MAX);
    expect(Math.max(...attempts)).toBeLessThan(3); // after the third, some 16 s, it would have been its turn anyway
  } finally {
    letGo();
  }
}, 120_000);

test('a Receipt that is in hand when the Redemption expires ends the redemption', async () => {
  const { orderReference: ref } = await place();
  await reached(ref, 'committed');
  let slept = 0;
  const node = await openNode(options, rig.parts(), () => Date.now() + slept);
  const orders = new OrderRepository(node);
  const watch = new OrderWatch(node);
  const driver = new OrderDriver(node, orders, watch);
  try {
    peers.tamper = async (reply, verb) => {
      if (verb === 'redeem') slept = REDEMPTION_MS + 1;
      return reply;
    };
    const open = await readOrder(node, orders, ref);
    const step = await startRedemption(open.order, open.evidence, node.ring);
    driver.drive(ref, await writeStep(node, orders, open, step, open.evidence, { lease: driver.holder }));
    expect((await reached(ref, 'released')).state).toBe('released');
    expect(slept).toBeGreaterThan(0);
  } finally {
    await driver.stop();
    await watch.stop();
    await node.close();
  }
}, 120_000);
