import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Cid } from '@dta/codec';
import type { ParamsOf } from '@dta/contracts';
import { DtaError } from '@dta/errors';
import type { Database } from '@dta/node';
import { cast, codeOf, PlayedPeers, RoleRig, type Cast } from '@dta/node/testing';
import { startPrincipal, type PrincipalOptions } from '../src/index.js';
import { asked } from './asked.js';

const DAY = 24 * 60 * 60_000;
const YEAR = 365 * DAY;

let rig: RoleRig;
let members: Cast;
let options: PrincipalOptions;
let peers: PlayedPeers;
let database: Database;
let setDatabase: (aheadMs: number) => Promise<void>;
/** ms that the principal's clock is ahead */
let ahead = 0;

beforeAll(async () => {
  rig = await RoleRig.open();
  members = await cast();
  const { p, b, f1 } = members;
  const common = await rig.prepare(p, 'principal', [b.identity, f1.identity]);
  options = { ...common, beneficiary: b.identity.cid, fiduciarySet: [f1.identity.cid] };
  setDatabase = await rig.clockOf(options);
  database = await rig.intrude(options);
  peers = await PlayedPeers.serve(rig, members);
  await rig.start(startPrincipal, options, () => Date.now() + ahead);
});

beforeEach(async () => {
  peers.tamper = async (reply) => reply;
});

afterEach(async () => {
  await jump(0, 0);
  await database.query('UPDATE clock SET seen = NULL, steady_since = 0'); // an hour without a jump
});

afterAll(async () => {
  jest.restoreAllMocks();
  await rig.close();
});

async function jump(own: number, shared: number): Promise<void> {
  ahead = own;
  await setDatabase(shared);
}

type Call = 'principal.place-order' | 'principal.redeem-order' | 'principal.await-order';

/** What the own gateway asks, by a clock as wrong as the principal's. */
const call = <V extends Call>(name: V, params: ParamsOf<V>) =>
  rig.call(options, members.p, name, params, { now: Date.now() + ahead });

const place = (said: Parameters<typeof asked>[0] = {}) => call('principal.place-order', asked(said));
const reach = (orderReference: Cid, until: 'committed' | 'released') =>
  call('principal.await-order', { orderReference, until, waitMs: 60_000 });
const redeem = (orderReference: Cid) =>
  call('principal.redeem-order', {
    ...{ orderReference, beneficiary: null, extension: {}, idempotencyKey: null, waitMs: 0 },
  });

async function released(said: Parameters<typeof asked>[0] = {}): Promise<Cid> {
  const { orderReference } = await place(said);
  expect((await reach(orderReference, 'committed')).state).toBe('committed');
  await redeem(orderReference);
  expect((await reach(orderReference, 'released')).state).toBe('released');
  return orderReference;
}

test('a released order is released whatever the clock says', async () => {
  const ref = await released({ keepUntil: Date.now() + 30 * DAY });
  for (const [own, shared] of [
    [YEAR, 0],
    [-YEAR, 0],
    [0, YEAR],
    [YEAR, YEAR],
    [-YEAR, -YEAR],
  ] as const) {
    await jump(own, shared);
    expect(await redeem(ref)).toMatchObject({ state: 'released' });
    const again = await rig.start(startPrincipal, options, () => Date.now() + ahead); // which sweeps as it starts
    expect(await redeem(ref)).toMatchObject({ state: 'released' });
    await again.stop();
  }
});

test('nothing is signed while its clock and the database differ, which is said, and it is after', async () => {
  const { orderReference } = await place();
  await reach(orderReference, 'committed');
  for (const own of [150_000, -150_000]) {
    await jump(own, 0);
    expect(await codeOf(place())).toBe('clock_skewed');
    expect(await codeOf(redeem(orderReference))).toBe('clock_skewed');
  }
  await jump(0, 0);
  await redeem(orderReference);
  expect((await reach(orderReference, 'released')).state).toBe('released');
});

describe('what was signed while both clocks were a year ahead stops no order once they are right:', () => {
  test('a Redemption is given up, and made again', async () => {
    const { orderReference } = await place();
    await reach(orderReference, 'committed');
    peers.tamper = async (reply, verb) => {
      if (verb === 'release' && ahead > 0) throw new DtaError('time_ahead', 'dated more than 120 s ahead');
      return reply;
    };
    await jump(YEAR, YEAR);
    expect((await redeem(orderReference)).state).toBe('releasing');
    await jump(0, 0);
    peers.tamper = async (reply) => reply;
    const { expiresAt } = await until(async () => {
      const { state } = await call('principal.await-order', { orderReference, until: 'released', waitMs: 0 });
      return state === 'committed' ? { expiresAt: null } : undefined;
    });
    expect(expiresAt).toBeNull();
    await redeem(orderReference);
    expect((await reach(orderReference, 'released')).state).toBe('released');
  });

  test('a Request fails, an hour later, and says why', async () => {
    peers.tamper = async (reply, verb) => {
      if (verb === 'enrol') throw new DtaError('time_ahead', 'dated more than 120 s ahead');
      return reply;
    };
    await jump(YEAR, YEAR);
    const { orderReference } = await place();
    await jump(0, 0);
    const again = await rig.start(startPrincipal, options, () => Date.now() + ahead);
    const look = () => call('principal.await-order', { orderReference, until: 'committed', waitMs: 0 });
    expect((await look()).state).toBe('requested');
    await database.query('UPDATE clock SET seen = NULL, steady_since = 0');
    const failed = await until(async () => {
      await database.query('UPDATE clock SET steady_since = 0'); // a process may find the jump back only now
      const view = await look();
      return view.state === 'failed' ? view : undefined;
    });
    expect(failed.failure?.reason).toBe('time_ahead');
    await again.stop();
  });
});

/** What `look` finds in the end. */
async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (const limit = performance.now() + 80_000; performance.now() < limit;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not so after 80 s: ${String(look)}`);
}
