// budget: 480 s
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { startCluster, type AppProcess, type Cluster, type Operator, type RestApi } from '@dta/testkit';
import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { statementsOf } from '../src/databases.js';
import { isPrivateKeyOf, place, redeem, until, type OrderDetail, type Placed } from '../src/orders.js';

jest.setTimeout(470_000);

const chaosMs = 90_000;
const clients = 4;

let cluster: Cluster;
let operator: Operator;

beforeAll(async () => {
  cluster = await startCluster({
    operators: [{ name: 'first', replicas: { gateway: 2, principal: 2, beneficiary: 2, fiduciary: 2 } }],
  });
  operator = cluster.operator('first');
});

afterAll(() => cluster.stop());

test('orders that clients place and redeem end right, each once, while processes are killed and paused at random', async () => {
  const end = Date.now() + chaosMs;
  const killed: string[] = [];
  const orders: Placed[] = [];
  const goesOn = () => Date.now() < end || killed.length <= 10 || orders.length <= 20; // a slow machine takes longer
  /** One process after the other, so that a replica of each role is left most of the time. */
  const chaos = async () => {
    while (goesOn()) {
      const process = pick(cluster.processes);
      if (randomInt(3) === 0) await sleepWell(process);
      else {
        await process.kill9();
        killed.push(process.name);
        await delay(randomInt(1_000));
        await process.restart();
      }
      await delay(randomInt(1_000));
    }
  };
  const client = async () => {
    while (goesOn()) {
      const headers = randomUUID(); // asked again, it is the same order
      const order = await persistently((api) => place(api, {}, headers));
      orders.push(order);
      const secret = await persistently((api) => redeem(api, order.orderReference));
      expect(isPrivateKeyOf(secret, order.commitment)).toBe(true);
    }
  };
  await Promise.all([chaos(), ...Array.from({ length: clients }, client)]);
  console.log(`${orders.length} orders, ${killed.length} processes killed`);
  expect(orders.length).toBeGreaterThan(20);
  expect(killed.length).toBeGreaterThan(10);

  const { body } = await operator.api().get('/v1/order?perPage=1000');
  expect(new Set(body?.['orderReference'] as string[]).size).toBe(orders.length); // nobody's order was placed twice
  for (const { orderReference, commitment } of orders) {
    const isOver = ({ state, waitingFor }: OrderDetail) => state === 'released' && waitingFor.length === 0;
    const order = await until(operator.api(), orderReference, isOver, 120_000);
    expect(order.commitment).toBe(commitment);
    const events = order.timeline.map(({ event }) => event);
    expect(events).toEqual(['requested', 'enrolled', 'dealing', 'committed', 'releasing', 'released']);
    for (const member of operator.members) {
      const kept = await statementsOf(member, orderReference);
      expect([member.name, kept['manifest']?.length, kept['commitment']?.length]).toEqual([member.name, 1, 1]);
    }
  }
});

function pick<T>(list: readonly T[]): T {
  const one = list[randomInt(list.length)];
  if (one === undefined) throw new Error('nothing to pick from');
  return one;
}

/** Up to 8 s: longer than a call waits. */
async function sleepWell(process: AppProcess): Promise<void> {
  process.pause();
  await delay(randomInt(8_000));
  process.resume();
}

/** As a client that doesn't give up: asks through either gateway, again and again. */
async function persistently<T>(ask: (api: RestApi) => Promise<T>): Promise<T> {
  for (const limit = Date.now() + 180_000; ; await delay(200)) {
    try {
      return await ask(operator.api(randomInt(2)));
    } catch (error) {
      if (Date.now() > limit) throw error;
    }
  }
}
