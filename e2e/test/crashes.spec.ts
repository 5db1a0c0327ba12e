import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { startCluster, type AppProcess, type Cluster, type Operator, type RestApi } from '@dta/testkit';
import { statementsOf } from '../src/databases.js';
import { begin, expected, isPrivateKeyOf, place, redeem, until, type OrderDetail } from '../src/orders.js';

jest.setTimeout(300_000);

let cluster: Cluster;
let operator: Operator;
let api: RestApi;

beforeAll(async () => {
  cluster = await startCluster();
  operator = cluster.operator('first');
  api = operator.api();
});

afterAll(() => cluster.stop());

function processOf(name: string): AppProcess {
  const [process] = name === 'gateway' ? operator.gateways : operator.member(name).processes;
  if (process === undefined) throw new Error(`no process of ${name}`);
  return process;
}

const countOf = ({ fiduciaries }: OrderDetail, wanted: string) =>
  fiduciaries.filter(({ state }) => state === wanted).length;

describe('kill -9 in the middle of two orders, one being set up and one being redeemed', () => {
  // fiduciary-1 has answered in both, the other two are silent
  test.each(['gateway', 'beneficiary', 'fiduciary-1', 'fiduciary-2', 'principal'])('of the %s', async (name) => {
    const redeemed = await place(api);
    const silent = [processOf('fiduciary-2'), processOf('fiduciary-3')];
    for (const process of silent) process.pause();
    try {
      const setUp = await begin(api);
      expected(202, await api.post('/v1/order/secret', { orderReference: redeemed.orderReference, wait: 0 }));
      await until(api, setUp, (order) => order.state === 'enrolled' && countOf(order, 'accepted') === 1);
      await until(
        api,
        redeemed.orderReference,
        (order) => order.state === 'releasing' && countOf(order, 'released') === 1,
      );

      await processOf(name).kill9();
      await processOf(name).restart();
      for (const process of silent) process.resume();

      const committed = await until(api, setUp, ({ state }) => state === 'committed', 60_000);
      expect(committed.timeline.map(({ event }) => event)).toEqual(['requested', 'enrolled', 'dealing', 'committed']);
      expect(isPrivateKeyOf(await redeem(api, setUp), String(committed.commitment))).toBe(true);

      const released = await until(api, redeemed.orderReference, ({ state }) => state === 'released', 60_000);
      expect(released.timeline.map(({ event }) => event).slice(-2)).toEqual(['releasing', 'released']);
      expect(isPrivateKeyOf(await redeem(api, redeemed.orderReference), redeemed.commitment)).toBe(true);

      for (const orderReference of [setUp, redeemed.orderReference]) {
        const kept = await statementsOf(operator.member('principal'), orderReference);
        for (const type of ['request', 'enrolment', 'manifest', 'commitment', 'redemption']) {
          expect(kept[type]).toHaveLength(1);
        }
        expect(kept['acceptance']).toHaveLength(3);
        expect(kept['deal']).toHaveLength(3);
        expect(kept['confirmation']).toHaveLength(3);
      }
    } finally {
      for (const process of silent) process.resume();
    }
  });
});
