import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { OrderProgress, ParamsOf } from '@dta/contracts';
import type { Cast, PlayedPeers, RoleRig } from '@dta/node/testing';
import type { PrincipalOptions } from '../src/index.js';
import { asked } from './asked.js';
import { startWithOneFiduciary } from './one-fiduciary.js';

let rig: RoleRig;
let members: Cast;
let options: PrincipalOptions;
let peers: PlayedPeers;

beforeAll(async () => {
  ({ rig, members, options, peers } = await startWithOneFiduciary());
});

beforeEach(() => {
  peers.tamper = async (reply) => reply;
});

afterAll(() => rig.close());

const call = <V extends 'principal.place-order' | 'principal.redeem-order' | 'principal.await-order'>(
  name: V,
  params: ParamsOf<V>,
) => rig.call(options, members.p, name, params);

const place = (waitMs: number, idempotencyKey: string | null = null): Promise<OrderProgress> =>
  call('principal.place-order', asked({ extension: { note: 'x' }, idempotencyKey, waitMs }));

/**
 * What somebody gets who waits for `state`, a second each time: it is answered before its second is over only because that is
 * reached. A machine may be slow for a while.
 */
async function inTime(state: string, begin: () => Promise<OrderProgress>): Promise<OrderProgress> {
  for (let attempt = 1; ; attempt += 1) {
    const begun = performance.now();
    const progress = await begin();
    if (progress.state === state || attempt === 10) return progress;
    expect(performance.now() - begun).toBeGreaterThan(990);
  }
}

test('an order that is quick is placed, and redeemed, by one call each', async () => {
  const placed = await inTime('committed', () => place(1_000));
  expect(placed).toMatchObject({ state: 'committed', failure: null, extension: { note: 'x' }, pluginError: null });
  expect(placed.commitment).toHaveLength(33);
  const { orderReference } = placed;
  const redeem = () =>
    call('principal.redeem-order', {
      ...{ orderReference, beneficiary: null, extension: {}, idempotencyKey: null, waitMs: 1_000 },
    });
  const redeemed = await inTime('released', redeem);
  expect(redeemed).toMatchObject({ orderReference, state: 'released', commitment: placed.commitment });
});

test('one that takes longer is answered after the wait with whom it waits for, and goes on', async () => {
  let goOn: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (goOn = resolve));
  peers.tamper = (reply) => held.then(() => reply);
  const begun = performance.now();
  const { orderReference, ...placed } = await place(300);
  expect(performance.now() - begun).toBeGreaterThan(290);
  expect(placed).toMatchObject({
    ...{ state: 'requested', commitment: null },
    waitingFor: [{ party: members.b.identity.cid, role: 'beneficiary', lastError: null, detail: null }],
  });
  goOn();
  const params = { orderReference, until: 'committed', waitMs: 30_000 } as const;
  expect((await call('principal.await-order', params)).state).toBe('committed');
});

test('one that was placed before, by the same Idempotency-Key, is waited for alike', async () => {
  let goOn: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (goOn = resolve));
  peers.tamper = (reply) => held.then(() => reply);
  const { orderReference } = await place(0, 'again');
  const again = inTime('committed', () => place(1_000, 'again'));
  goOn();
  expect(await again).toMatchObject({ orderReference, state: 'committed' });
});
