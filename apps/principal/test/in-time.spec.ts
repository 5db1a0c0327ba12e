import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { HTTP_BEYOND_WAIT_MS, type OrderProgress } from '@dta/contracts';
import { openNode, type InternalInbox, type Node } from '@dta/node';
import type { RoleRig } from '@dta/node/testing';
import { createMemoryBroker, type MessageContext } from '@dta/transport';
import { PlaceOrder } from '../src/calls/place-order.js';
import { Idempotency } from '../src/idempotency.js';
import type { PrincipalOptions } from '../src/index.js';
import { OrderDriver } from '../src/order-driver.js';
import { OrderView } from '../src/order-view.js';
import { OrderWait } from '../src/order-wait.js';
import { OrderWatch } from '../src/order-watch.js';
import { OrderRepository } from '../src/order.repository.js';
import { RepeatedAnswer } from '../src/repeated-answer.js';
import { asked } from './asked.js';
import { startWithOneFiduciary } from './one-fiduciary.js';

let rig: RoleRig;
let options: PrincipalOptions;
let node: Node;
let orders: OrderRepository;
let watch: OrderWatch;
let driver: OrderDriver;

beforeAll(async () => {
  ({ rig, options } = await startWithOneFiduciary());
  node = await openNode(options, { ...rig.parts(), transport: createMemoryBroker().connect() }); // its peers are away
  orders = new OrderRepository(node);
  watch = new OrderWatch(node);
  driver = new OrderDriver(node, orders, watch);
});

afterAll(async () => {
  await driver.stop();
  await watch.stop();
  await node.close();
  await rig.close();
});

/** Places an order by a call that has been here for `ageMs`, and is answered in the clear. */
function place(waitMs: number, ageMs: number, view = new OrderView(node, orders, options)): Promise<OrderProgress> {
  const unsealed = {
    answer: (_call: string, _subject: string, _payload: Uint8Array, run: (params: unknown) => unknown) =>
      run(asked({ extension: { note: 'x' }, waitMs })),
  };
  const wait = new OrderWait(orders, watch);
  const placing = new PlaceOrder(
    ...([node, options, orders, driver, view, wait, new Idempotency(node)] as const),
    ...([new RepeatedAnswer(node, orders), unsealed as unknown as InternalInbox] as const), // it calls no more of it
  );
  const context: MessageContext = { subject: 'any', ageMs: () => ageMs, wait: (task) => task() };
  return placing.handle(
    { payload: new Uint8Array(), headers: {} },
    context,
  ) as Promise<unknown> as Promise<OrderProgress>; // unsealed
}

const count = async () => {
  const [row] = await node.database.query<{ orders: number }>('SELECT count(*)::integer AS orders FROM orders');
  return row?.orders ?? 0;
};

test('what could not be answered in time any more is refused, and nothing is stored', async () => {
  const before = await count();
  await expect(place(10_000, 10_000 + HTTP_BEYOND_WAIT_MS - 500)).rejects.toMatchObject({ code: 'busy' });
  expect(await count()).toBe(before);
  const placed = await place(10_000, 10_000 + HTTP_BEYOND_WAIT_MS - 2_000);
  expect(placed.state).toBe('requested');
  expect(await count()).toBe(before + 1);
});

test('an order that is placed has its reference in the answer, though how far it is can not be read', async () => {
  const view = new OrderView(node, orders, options);
  view.progress = () => Promise.reject(new Error('the database is gone'));
  const placed = await place(0, 0, view);
  expect(placed).toMatchObject({ state: 'requested', commitment: null, extension: { note: 'x' }, pluginError: null });
  expect(await new OrderView(node, orders, options).progress(placed.orderReference)).toEqual({
    ...placed,
    waitingFor: [expect.objectContaining({ party: options.beneficiary, role: 'beneficiary' })],
  });
});
