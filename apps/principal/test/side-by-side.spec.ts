import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { Cid } from '@dta/codec';
import type { ParamsOf } from '@dta/contracts';
import { DtaError } from '@dta/errors';
import { codeOf, makeNewer, NEWER_STATE } from '@dta/node/testing';
import { asked } from './asked.js';
import { startWithOneFiduciary, type OneFiduciary } from './one-fiduciary.js';

// A principal whose database a replica of the next version writes too (docs/adr/0028).

let setup: OneFiduciary;

beforeAll(async () => {
  setup = await startWithOneFiduciary();
});

beforeEach(() => {
  setup.peers.tamper = async (reply) => reply;
});

afterAll(() => setup.rig.close());

/** Looks again until it is so, or the test's time is over. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
}

type Calls =
  `principal.${'place-order' | 'redeem-order' | 'await-order' | 'await-events' | 'get-order' | 'list-orders'}`;
const call = <V extends Calls>(name: V, params: ParamsOf<V>, attempts = 20) =>
  setup.rig.call(setup.options, setup.members.p, name, params, { attempts });
/** What is answered at once: such a row stays busy. */
const codeAtOnce = <V extends Calls>(name: V, params: ParamsOf<V>) => codeOf(call(name, params, 1));
const place = async () => (await call('principal.place-order', asked())).orderReference;
const get = (orderReference: Cid) => call('principal.get-order', { orderReference });
const committed = async () => {
  const orderReference = await place();
  return call('principal.await-order', { orderReference, until: 'committed', waitMs: 60_000 });
};
const list = (state: ParamsOf<'principal.list-orders'>['state'] = null) =>
  call('principal.list-orders', {
    ...{ after: null, page: 0, perPage: 1_000, sortBy: 'dateCreatedAsc', state, beneficiary: null },
  });

test('an order that a newer version wrote is busy for each call, and its row is left alone', async () => {
  const { orderReference } = await committed();
  const row = await makeNewer(setup.rig, setup.options, orderReference);
  expect(await codeAtOnce('principal.get-order', { orderReference })).toBe('busy');
  const redemption = { orderReference, beneficiary: null, extension: {}, idempotencyKey: null, waitMs: 0 };
  expect(await codeAtOnce('principal.redeem-order', redemption)).toBe('busy');
  expect(await codeAtOnce('principal.await-order', { orderReference, until: 'released', waitMs: 1 })).toBe('busy');
  expect(await codeAtOnce('principal.await-events', { orderReference, after: 0, waitMs: 1 })).toBe('busy');
  expect(await row.isUntouched()).toBe(true);
  await row.putBack();
  expect((await get(orderReference)).state).toBe('committed');
});

test('a list shows it as far as its columns go, and all others whole', async () => {
  const [newer, other] = [await committed(), await committed()];
  const row = await makeNewer(setup.rig, setup.options, newer.orderReference);
  const { orders, unreadable } = await list();
  expect(unreadable).toEqual([]);
  expect(orders.find(({ orderReference }) => orderReference === newer.orderReference)).toEqual({
    ...{ orderReference: newer.orderReference, state: NEWER_STATE, createdAt: newer.createdAt },
    ...{ beneficiary: newer.beneficiary, commitment: null, threshold: null, fiduciaries: null },
  });
  expect(orders.find(({ orderReference }) => orderReference === other.orderReference)).toMatchObject({
    ...{ state: 'committed', commitment: other.commitment, threshold: 1, fiduciaries: 1 },
  });
  expect((await list('committed')).orders.map((order) => order.orderReference)).not.toContain(newer.orderReference);
  await row.putBack();
});

test('one that only says that it is newer, without the MAC of this node, is record_invalid', async () => {
  const { orderReference } = await committed();
  const row = await makeNewer(setup.rig, setup.options, orderReference, { by: 'stranger' });
  expect(await codeOf(get(orderReference))).toBe('record_invalid');
  expect((await list()).unreadable).toEqual([orderReference]);
  await row.putBack();
});

test('one whose setup is under way is not driven on, its lease is free, and others are driven', async () => {
  const { rig, options, peers } = setup;
  let isHeld = true;
  let held: Cid | undefined;
  peers.tamper = async (reply, verb, { order: { ref } }) => {
    held ??= ref;
    if (ref === held && verb === 'accept' && isHeld) throw new DtaError('service_unavailable', 'away');
    return reply;
  };
  const ref = await place();
  await until(async () => (await get(ref)).state === 'enrolled');
  const row = await makeNewer(rig, options, ref);
  const database = await rig.intrude(options);
  await database.query('UPDATE deliveries SET next_attempt_at = now() WHERE order_ref = $1', [ref]);
  isHeld = false; // from here on its own version could finish it
  const isLeft = () => rig.logged.some((line) => line.includes(ref) && line.includes('is left to a newer replica'));
  await until(async () => isLeft());
  await until(async () => (await database.query('SELECT FROM leases WHERE order_ref = $1', [ref])).length === 0);
  expect((await committed()).state).toBe('committed');
  expect(await row.isUntouched()).toBe(true);
  await row.putBack();
  const view = await call('principal.await-order', { orderReference: ref, until: 'committed', waitMs: 60_000 });
  expect(view.state).toBe('committed');
});

test('columns that a migration adds while a principal runs disturb nothing', async () => {
  const { rig, options } = setup;
  const { orderReference } = await committed();
  const database = await rig.intrude(options);
  const tables = await database.query<{ name: string }>(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'",
  );
  rig.logged.length = 0;
  for (const { name } of tables) await database.query(`ALTER TABLE "${name}" ADD COLUMN of_the_next_version integer`);
  expect((await get(orderReference)).state).toBe('committed');
  expect((await committed()).state).toBe('committed');
  expect((await list()).unreadable).toEqual([]);
  expect(rig.logged.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
});
