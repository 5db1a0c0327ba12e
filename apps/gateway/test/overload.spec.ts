import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { DtaError, toDtaError } from '@dta/errors';
import type { Request, Response } from 'express';
import { setTimeout as delay } from 'node:timers/promises';
import { Overload } from '../src/overload.js';
import { orderReference, progress } from './fake-roles.js';
import { startSetup, type Setup } from './http.js';

let setup: Setup;
beforeEach(async () => {
  setup = await startSetup(); // what a gateway remembers would last into the next test
});
afterEach(() => setup.stop());

const place = (wait: number) => setup.http('/v1/order', { json: { wait } });
const overloaded = (retryAfterMs: number) => () => {
  throw new DtaError('busy', '200 orders wait for their turn', { metadata: { retryAfterMs, everyMs: 1_000 } });
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

test('a principal that could not begin an order in time is asked for no more than it has room for, and for all when it has', async () => {
  setup.roles.answers['principal.place-order'] = overloaded(60_000);
  expect(await place(10)).toMatchObject({ status: 503, headers: { 'retry-after': '60' }, body: { code: 'busy' } });
  const others = await Promise.all(Array.from({ length: 20 }, () => place(10)));
  for (const other of others) {
    expect(other).toMatchObject({ status: 503, headers: { 'retry-after': '60' }, body: { code: 'busy' } });
  }
  expect(asked()).toBeLessThan(others.length);
  delete setup.roles.answers['principal.place-order'];
  while ((await place(10)).status !== 200);
}, 30_000);

test('one that asks for an order again by its key, or for a redemption, is answered by the principal all the same', async () => {
  setup.roles.answers['principal.place-order'] = overloaded(60_000);
  expect((await place(10)).status).toBe(503);
  delete setup.roles.answers['principal.place-order'];
  const again = { json: { wait: 10 }, headers: { 'Idempotency-Key': 'lost-answer' } };
  expect(await setup.http('/v1/order', again)).toMatchObject({ status: 200, body: { orderReference } });
  expect((await setup.http('/v1/order/secret', { json: { orderReference, wait: 1 } })).status).toBe(200);
});

const busy = (metadata: Record<string, string | number>, cause?: unknown) =>
  new DtaError('busy', '200 orders wait for their turn', { metadata, cause });

const patient = { waitMs: 10_000, hasKey: false };

/** What a request for an order meets at an overload, before it would be sent. */
function requests(overload: Overload) {
  return (body: unknown, headers: Record<string, string> = {}, method = 'POST', path = '/v1/order') => {
    const request = { method, path, body, get: (name: string) => headers[name] };
    try {
      overload.check(request as unknown as Request, {} as Response); // all that it looks at
      return 'let on';
    } catch (error) {
      return toDtaError(error).code;
    }
  };
}

test('what waits no longer than the refused one is refused without its route, by what the principal said', () => {
  const overload = new Overload(() => 1_000);
  const ask = requests(overload);
  expect(ask({ wait: 1 })).toBe('let on');
  overload.note(patient, busy({ retryAfterMs: 700, everyMs: 20 }));
  for (const body of [{ wait: 10 }, { wait: 1 }, {}, undefined, null, [], 1]) expect(ask(body)).toBe('busy');
  expect(ask({ wait: 11 })).toBe('let on');
  expect(ask({ wait: 0 })).toBe('let on'); // comes back for it, so it has all the time
  expect(ask({ wait: '10' })).toBe('let on'); // the route says what is wrong with it
  expect(ask({ wait: 1 }, { 'Idempotency-Key': 'k' })).toBe('let on');
  expect(ask({ wait: 1 }, {}, 'GET')).toBe('let on');
  expect(ask({ wait: 1 }, {}, 'POST', '/v1/order/secret')).toBe('let on');
});

/** How many of a thousand such requests are sent now. */
const sentNow = (overload: Overload) => {
  const ask = requests(overload);
  return Array.from({ length: 1_000 }, () => {
    const said = ask({ wait: 1 });
    if (said === 'let on') overload.sent({ waitMs: 1_000, hasKey: false });
    return said;
  }).filter((said) => said === 'let on').length;
};

test('as many are sent as the principal begins, twice as many a second later, and all of them after ten', () => {
  let now = 1_000;
  const overload = new Overload(() => now);
  overload.note(patient, busy({ everyMs: 100 }));
  expect(sentNow(overload)).toBe(0);
  now += 200;
  expect(sentNow(overload)).toBe(2); // and a fifth
  now += 800;
  expect(sentNow(overload)).toBe(13); // 15 in the first second
  now += 1_000;
  expect(sentNow(overload)).toBe(25); // 40 in the first two
  overload.note(patient, busy({ everyMs: 1_000 }));
  now += 100;
  expect(sentNow(overload)).toBe(0); // anew; of several principals each says its own, so the newest word has a quarter's weight
  now += 900;
  expect(sentNow(overload)).toBe(11); // 1.5 s of 7.75 a second
  now += 9_000;
  expect(sentNow(overload)).toBe(1_000);
});

test('what does not reach the principal takes no place of what does', () => {
  let now = 1_000;
  const overload = new Overload(() => now);
  overload.note(patient, busy({ everyMs: 100 }));
  now += 200;
  const ask = requests(overload);
  for (let times = 0; times < 100; times++) expect(ask({ wait: 1, more: 'which no order has' })).toBe('let on');
  expect(sentNow(overload)).toBe(2);
});

test('refusals of requests with a key, which go to the principal in any case, take no place of the others', () => {
  let now = 1_000;
  const overload = new Overload(() => now);
  const withKey = { waitMs: 10_000, hasKey: true };
  overload.note(withKey, busy({ everyMs: 100 }));
  for (let times = 0; times < 100; times++) {
    now += 10;
    overload.sent(withKey);
    overload.note(withKey, busy({ everyMs: 100 }));
  }
  expect(sentNow(overload)).toBe(15);
});

test('the refusal of one that hardly waits leaves the others as they were', () => {
  const overload = new Overload(() => 1_000);
  overload.note(patient, busy({ everyMs: 100 }));
  overload.note({ waitMs: 1_000, hasKey: false }, busy({ everyMs: 100 }));
  expect(requests(overload)({ wait: 10 })).toBe('busy');
});

test('busy with something else, as a plugin is, or without a time, is no word on orders', () => {
  const overload = new Overload(() => 1_000);
  for (const metadata of [{}, { retryAfterMs: 60_000 }, { everyMs: 0 }, { everyMs: 'soon' }]) {
    overload.note({ waitMs: 0, hasKey: false }, busy(metadata));
    expect(requests(overload)({ wait: 1 })).toBe('let on');
  }
});

test('what is said outside the seal counts for nothing', () => {
  const overload = new Overload(() => 1_000);
  const ask = requests(overload);
  overload.note(patient, busy({ everyMs: 60_000 }, new Error('from the transport')));
  overload.note(patient, new DtaError('timeout', 'no answer', { metadata: { everyMs: 60_000 } }));
  expect(ask({})).toBe('let on');
});

test('a principal that is left alone changes nothing for a caller without token, or of another route', async () => {
  setup.roles.answers['principal.place-order'] = overloaded(60_000);
  expect((await place(10)).status).toBe(503);
  const stranger = { Authorization: 'Bearer other' };
  expect((await setup.http('/v1/order', { json: { wait: 10 }, headers: stranger })).status).toBe(401);
  expect((await setup.http('/v1/order')).status).toBe(200); // the list
});
