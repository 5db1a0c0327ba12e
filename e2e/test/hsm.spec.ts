import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { startCluster, type Cluster, type Operator } from '@dta/testkit';
import { readFile } from 'node:fs/promises';
import { begin, isPrivateKeyOf, place, redeem, until, type OrderDetail, type Placed } from '../src/orders.js';

jest.setTimeout(300_000);

let cluster: Cluster;
let operator: Operator;

beforeAll(async () => {
  cluster = await startCluster({ custody: 'softhsm' });
  operator = cluster.operator('first');
});
afterAll(() => cluster.stop());

/** The secret of an order belongs to its commitment. */
async function expectRedeemable({ orderReference, commitment }: Placed): Promise<void> {
  expect(isPrivateKeyOf(await redeem(operator.api(), orderReference, 60), commitment)).toBe(true);
}

test('every role on a token of its own: a 2-of-3 order and its redemption', async () => {
  await expectRedeemable(await place(operator.api(), { threshold: 2, wait: 60 }));
  const { body } = await operator.api().get('/v1/status');
  const roles = (body?.['roles'] ?? []) as { custody: string; custodyErases: boolean }[]; // our own API
  expect(roles).toHaveLength(5);
  for (const { custody, custodyErases } of roles) expect([custody, custodyErases]).toEqual(['pkcs11', true]);
});

test('an order waits for the fiduciary whose token was pulled out, and ends right when it is back', async () => {
  const { token } = operator.member('fiduciary-1');
  await token?.unplug();
  const orderReference = await begin(operator.api(), { threshold: 2 });
  const hasFailed = ({ fiduciaries }: OrderDetail) => fiduciaries.some(({ lastError }) => lastError !== null);
  await until(operator.api(), orderReference, hasFailed, 60_000).finally(() => token?.plugIn());
  const { commitment } = await until(operator.api(), orderReference, (order) => order.commitment !== null, 60_000);
  await expectRedeemable({ orderReference, commitment: String(commitment) });
});

test('an order redeems while the token of one fiduciary is away', async () => {
  const { token } = operator.member('fiduciary-2');
  const placed = await place(operator.api(), { threshold: 2, wait: 60 });
  await token?.unplug();
  await expectRedeemable(placed).finally(() => token?.plugIn());
});

test('no PIN is in a log', async () => {
  const pins = await Promise.all(
    operator.members.map(({ settings }) => readFile(settings['CUSTODY_PKCS11_PIN_FILE'] ?? '', 'utf8')),
  );
  const logs = cluster.processes.flatMap((process) => process.logs()).join('\n');
  for (const pin of pins) {
    expect(pin.trim()).toHaveLength(24);
    expect(logs.includes(pin.trim())).toBe(false);
  }
});
