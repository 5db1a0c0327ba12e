import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { DtaError } from '@dta/errors';
import { setTimeout as delay } from 'node:timers/promises';
import { orderReference, progress } from './fake-roles.js';
import { startSetup, type Setup } from './http.js';

let setup: Setup;
beforeEach(async () => {
  setup = await startSetup(); // what a gateway remembers would last into the next test
});
afterEach(() => setup.stop());

const place = (wait: number) => setup.http('/v1/order', { json: { wait } });
const redeem = (wait: number) => setup.http('/v1/order/secret', { json: { orderReference, wait } });
const overloaded = (retryAfterMs: number) => () => {
  throw new DtaError('busy', '200 orders wait for their turn', { metadata: { retryAfterMs } });
};
const asked = () => setup.roles.seen.length;

test('a principal that takes longer than 5 s still gives the reference, as long as the request has time', async () => {
  setup.roles.answers['principal.place-order'] = async () => {
    await delay(7_000);
    return progress({ state: 'requested', commitment: null });
  };
  setup.roles.answers['principal.await-order'] = () => progress({ state: 'dealing', commitment: null });
  expect(await place(8)).toMatchObject({ status: 202, body: { orderReference } });
}, 30_000);

test('a principal that could not begin an order in time is left alone for a moment, and asked again after it', async () => {
  setup.roles.answers['principal.place-order'] = overloaded(60_000); // a moment is a second, whatever it says
  expect(await place(10)).toMatchObject({ status: 503, headers: { 'retry-after': '60' }, body: { code: 'busy' } });
  expect(asked()).toBe(1);
  for (const wait of [10, 1])
    expect(await place(wait)).toMatchObject({ status: 503, headers: { 'retry-after': '1' }, body: { code: 'busy' } });
  expect(asked()).toBe(1);
  delete setup.roles.answers['principal.place-order'];
  while ((await place(10)).status !== 200) expect(asked()).toBe(1);
  expect(asked()).toBe(2);
}, 30_000);

test('one that waits longer, or asks for something else, is asked for all the same', async () => {
  setup.roles.answers['principal.place-order'] = overloaded(1_000);
  expect((await place(10)).status).toBe(503);
  delete setup.roles.answers['principal.place-order'];
  expect((await place(11)).status).toBe(200);
  expect((await place(0)).status).toBe(200); // comes back for it, so it has all the time
  expect((await redeem(1)).status).toBe(200);
});

test('a redemption that could not begin in time leaves orders alone', async () => {
  setup.roles.answers['principal.redeem-order'] = overloaded(1_000);
  for (const wait of [60, 0, 10]) expect(await redeem(wait)).toMatchObject({ status: 503, body: { code: 'busy' } });
  expect(asked()).toBe(2); // the last one waits for less
  expect((await place(1)).status).toBe(200);
});

test('a principal that is left alone changes nothing for a caller without token, without a number, or of another route', async () => {
  setup.roles.answers['principal.place-order'] = overloaded(60_000);
  expect((await place(10)).status).toBe(503);
  const stranger = { Authorization: 'Bearer other' };
  expect((await setup.http('/v1/order', { json: { wait: 10 }, headers: stranger })).status).toBe(401);
  const isRefused = { status: 400, body: { code: 'request_invalid' } };
  expect(await setup.http('/v1/order', { json: { wait: '10' } })).toMatchObject(isRefused);
  for (const json of [null, [], 1, {}]) expect((await setup.http('/v1/order', { json })).status).toBe(503); // the default
  expect((await setup.http('/v1/order')).status).toBe(200); // the list
});
