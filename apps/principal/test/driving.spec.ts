import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { cidOf, u32, type Cid } from '@dta/codec';
import { ORDERS_DRIVEN_MAX, ORDERS_HELD_MAX, ORDERS_LINGERING_MAX, ORDERS_QUEUED_MAX } from '@dta/contracts';
import { openNode, type Database, type Node } from '@dta/node';
import type { Cast, PlayedPeers, RoleRig } from '@dta/node/testing';
import { REDEMPTION_MS, startRedemption } from '@dta/order';
import { known } from '@dta/order/testing';
import { setTimeout as delay } from 'node:timers/promises';
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

test('more orders at once than a principal drives and holds ready: each gets its turn', async () => {
  const count = ORDERS_DRIVEN_MAX + ORDERS_HELD_MAX + 40;
  let goOn: () => void = () => undefined;
  const placed = new Promise<void>((resolve) => (goOn = resolve));
  peers.tamper = (reply) => placed.then(() => reply);
  for (let at = 0; at < count; at += ORDERS_DRIVEN_MAX) {
    const wave = Array.from({ length: Math.min(ORDERS_DRIVEN_MAX, count - at) }, place);
    await Promise.all(wave);
  }
  goOn();
  const states = () =>
    database.query<{ state: string; orders: number }>(
      'SELECT state, count(*)::integer AS orders FROM orders GROUP BY state',
    );
  const all = [{ state: 'committed', orders: count }]; // the first of this file
  let now = await states();
  for (const limit = Date.now() + 60_000; JSON.stringify(now) !== JSON.stringify(all) && Date.now() < limit;) {
    await delay(100);
    now = await states();
  }
  expect(now).toEqual(all);
}, 120_000);

test('each order that is queued gets its turn, and new ones are refused while they could not be begun in time', async () => {
  const node = await openNode(options, rig.parts());
  const taken = new Set<unknown>();
  const query: Database['query'] = async (text, values = []) => {
    if (text.startsWith('INSERT INTO leases')) taken.add(values[0]);
    return []; // the lease is somebody else's
  };
  const counted = { ...node, database: { query } } as unknown as Node; // a driver asks for no more of it
  const watch = new OrderWatch(node);
  const driver = new OrderDriver(counted, new OrderRepository(node), watch);
  const refs = Array.from({ length: ORDERS_DRIVEN_MAX + ORDERS_QUEUED_MAX }, (_, at) => cidOf(u32(at)));
  try {
    expect(() => driver.assertTurn('order', 1)).not.toThrow();
    for (const ref of refs) driver.drive(ref);
    expect(driver.load).toEqual({ driven: ORDERS_DRIVEN_MAX, queued: ORDERS_QUEUED_MAX });
    for (const waitMs of [0, 10_000, 60_000])
      expect(() => driver.assertTurn('order', waitMs)).toThrow(`${ORDERS_QUEUED_MAX} orders wait for their turn`);
    for (const limit = Date.now() + 30_000; taken.size < refs.length && Date.now() < limit;) await delay(20);
    expect(taken.size).toBe(refs.length);
  } finally {
    await driver.stop();
    await watch.stop();
    await node.close();
  }
});

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

test('orders whose fiduciary is slow keep their places: it is not sent more for it', async () => {
  const said: string[] = [];
  peers.tamper = async (reply, verb) => {
    if (verb === 'accept') await delay(1_500);
    said.push(verb);
    return reply;
  };
  const placed = await Promise.all(Array.from({ length: ORDERS_DRIVEN_MAX + 1 }, place));
  await Promise.all(placed.map(({ orderReference }) => reached(orderReference, 'committed')));
  const enrolled = said.flatMap((verb, at) => (verb === 'enrol' ? [at] : []));
  expect(enrolled).toHaveLength(ORDERS_DRIVEN_MAX + 1);
  expect(said.indexOf('accept')).toBeLessThan(known(enrolled.at(-1)));
}, 120_000);

test('orders whose Commitment hangs keep none waiting either, and not all of them are driven on', async () => {
  let letGo: () => void = () => undefined;
  const hung = new Promise<void>((resolve) => (letGo = resolve));
  peers.tamper = async (reply, verb) => {
    if (verb === 'commit' && reply.by === members.f1) await hung;
    return reply;
  };
  try {
    const refs: Cid[] = [];
    for (let at = 0; at < ORDERS_DRIVEN_MAX + ORDERS_LINGERING_MAX + 20; at += 4)
      for (const { orderReference } of await Promise.all(Array.from({ length: 4 }, place))) refs.push(orderReference);
    const states = await Promise.all(refs.map(async (ref) => (await reached(ref, 'committed')).state));
    expect(new Set(states)).toEqual(new Set(['committed']));
    // after the third attempt, some 16 s, an order has nothing to do for long enough
    const letGoEarly = () =>
      database.query(`SELECT FROM deliveries d WHERE verb = 'commit' AND state = 'owed' AND attempts < 3
        AND NOT EXISTS (SELECT FROM leases l WHERE l.order_ref = d.order_ref AND l.until > now())`);
    const limit = Date.now() + 30_000;
    while ((await letGoEarly()).length === 0 && Date.now() < limit) await delay(50);
    expect(Date.now()).toBeLessThan(limit);
  } finally {
    letGo();
  }
}, 120_000);

test('a Receipt that is in hand when the Redemption expires ends the redemption', async () => {
  const { orderReference: ref } = await place();
  await reached(ref, 'committed');
  let slept = 0;
  const setDatabase = await rig.clockOf(options);
  const node = await openNode(
    options,
    rig.parts(() => Date.now() + slept),
  );
  const orders = new OrderRepository(node);
  const watch = new OrderWatch(node);
  const driver = new OrderDriver(node, orders, watch);
  try {
    peers.tamper = async (reply, verb) => {
      if (verb === 'redeem') await setDatabase((slept = REDEMPTION_MS + 1));
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
