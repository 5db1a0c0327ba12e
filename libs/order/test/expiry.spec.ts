import { describe, expect, test } from '@jest/globals';
import {
  beneficiaryDueAt,
  expireBeneficiaryOrder,
  expireFiduciaryOrder,
  expirePrincipalOrder,
  expireRedemption,
  fiduciaryDueAt,
  principalDueAt,
  REDEMPTION_MS,
  type BeneficiaryOrder,
  type FiduciaryOrder,
  type FiduciaryState,
  type PrincipalOrder,
  type PrincipalState,
} from '../src/index.js';
import { known, NOW, Parties } from './parties.js';

const SETUP_BY = NOW + 15 * 60_000;
const DAY = 24 * 60 * 60_000;
const KEEP_UNTIL = NOW + 30 * DAY;
const LONG = 30 * DAY;

const parties = await Parties.before('redeem', 2, { keepUntil: KEEP_UNTIL });
const own = {
  principal: parties.order,
  fiduciary: known(parties.fiduciary(1).order),
  beneficiary: known(parties.beneficiary.order),
};
const forEver = { keepUntil: null };

describe('a fiduciary', () => {
  // state, the last moment at which the clock changes nothing, the state after, that moment without keepUntil
  test.each<[FiduciaryState, number | null, FiduciaryState, number | null]>([
    ['accepted', SETUP_BY, 'erased', SETUP_BY],
    ['dealt', SETUP_BY, 'erased', SETUP_BY],
    ['confirmed', KEEP_UNTIL, 'erased', null],
    ['committed', KEEP_UNTIL, 'erased', null],
    ['erased', null, 'erased', null],
  ])('%s is so until %p, then %s', (state, due, after, dueForEver) => {
    const order: FiduciaryOrder = { ...own.fiduciary, state };
    expect(fiduciaryDueAt(order)).toBe(due);
    expect(fiduciaryDueAt({ ...order, ...forEver })).toBe(dueForEver);
    expect(expireFiduciaryOrder(order, due ?? Number.MAX_SAFE_INTEGER)).toBe(order);
    expect(expireFiduciaryOrder(order, (due ?? 0) + 1).state).toBe(after);
    if (dueForEver === null) {
      const kept = { ...order, ...forEver };
      expect(expireFiduciaryOrder(kept, Number.MAX_SAFE_INTEGER)).toBe(kept);
    }
  });

  test('of one alone is never erased by the clock of a setup', async () => {
    const alone = await Parties.before('commit', 1);
    const order = known(alone.fiduciary(1).order);
    expect(order.state).toBe('confirmed');
    expect(expireFiduciaryOrder(order, SETUP_BY + LONG)).toBe(order);
  });
});

describe('a beneficiary', () => {
  test.each(['enrolled', 'committed', 'held'] as const)('%s is closed after keepUntil', (state) => {
    const order: BeneficiaryOrder = { ...own.beneficiary, state };
    expect(beneficiaryDueAt(order)).toBe(KEEP_UNTIL);
    expect(expireBeneficiaryOrder(order, KEEP_UNTIL)).toBe(order);
    expect(expireBeneficiaryOrder(order, KEEP_UNTIL + 1).state).toBe('closed');
  });

  test('closed waits for no clock', () => {
    const order: BeneficiaryOrder = { ...own.beneficiary, state: 'closed' };
    expect(beneficiaryDueAt(order)).toBeNull();
    expect(expireBeneficiaryOrder(order, KEEP_UNTIL + 1)).toBe(order);
  });

  test.each(['enrolled', 'committed', 'held', 'closed'] as const)('%s stays so without keepUntil', (state) => {
    const order: BeneficiaryOrder = { ...own.beneficiary, state, ...forEver };
    expect(beneficiaryDueAt(order)).toBeNull();
    expect(expireBeneficiaryOrder(order, Number.MAX_SAFE_INTEGER)).toBe(order);
  });
});

describe('a principal', () => {
  const owing = [{ party: own.principal.beneficiary, lastError: 'timeout' }];
  const expire = (order: PrincipalOrder, now: number) => expirePrincipalOrder(order, owing, now);
  const expiresAt = known(own.principal.redemptionExpiresAt);

  test.each(['requested', 'enrolled', 'dealing'] as const)('%s fails after setupBy, and names who owes', (state) => {
    const order: PrincipalOrder = { ...own.principal, state };
    expect(principalDueAt(order)).toBe(SETUP_BY);
    expect(expire(order, SETUP_BY)).toBe(order);
    expect(expire(order, SETUP_BY + 1)).toMatchObject({
      state: 'failed',
      failure: { reason: 'setup_expired', owing },
    });
  });

  test('releasing is committed again once its Redemption has expired', () => {
    expect(own.principal.state).toBe('releasing');
    expect(principalDueAt(own.principal)).toBe(expiresAt);
    expect(expire(own.principal, expiresAt)).toBe(own.principal);
    expect(expire(own.principal, expiresAt + 1)).toMatchObject({
      state: 'committed',
      redemption: null,
      redemptionExpiresAt: null,
    });
  });

  test.each([expire, expireRedemption])(
    'releasing is committed again where its Redemption has a date to come',
    (past) => {
      // the clock was a year ahead as it was signed, and members refuse it until then
      const made = NOW - 365 * DAY;
      expect(past(own.principal, made)).toMatchObject({ state: 'committed', redemption: null });
      const skew = 120_000;
      const last = expiresAt - REDEMPTION_MS - skew;
      expect(past(own.principal, last)).toBe(own.principal);
      expect(past(own.principal, last - 1).state).toBe('committed');
    },
  );

  test('only a Redemption ends while the clocks are in doubt: it can be made again', () => {
    const late = KEEP_UNTIL + 1;
    expect(expireRedemption({ ...own.principal, redemptionExpiresAt: late - 1 }, late).state).toBe('committed');
    for (const state of ['requested', 'enrolled', 'dealing', 'committed', 'released'] as const) {
      const order: PrincipalOrder = { ...own.principal, state };
      expect(expireRedemption(order, late)).toBe(order);
    }
  });

  test.each(['requested', 'enrolled', 'dealing'] as const)('%s fails where its Request has a date to come', (state) => {
    const order: PrincipalOrder = { ...own.principal, state };
    expect(expire(order, NOW - 120_000)).toBe(order);
    expect(expire(order, NOW - 120_001)).toMatchObject({ state: 'failed', failure: { reason: 'time_ahead', owing } });
  });

  test.each(['committed', 'releasing', 'released'] as const)('%s expires after keepUntil', (state) => {
    const order: PrincipalOrder = { ...own.principal, state, redemptionExpiresAt: KEEP_UNTIL + 60_000 };
    expect(principalDueAt(order)).toBe(KEEP_UNTIL);
    expect(expire(order, KEEP_UNTIL)).toBe(order);
    expect(expire(order, KEEP_UNTIL + 1).state).toBe('expired');
  });

  test.each<PrincipalState>(['renewing', 'failed', 'cancelled', 'expired'])('%s waits for no clock', (state) => {
    const order = { ...own.principal, state };
    expect(principalDueAt(order)).toBeNull();
    expect(expire(order, Number.MAX_SAFE_INTEGER)).toBe(order);
  });

  test.each(['committed', 'released'] as const)('%s stays so without keepUntil', (state) => {
    const order: PrincipalOrder = { ...own.principal, state, ...forEver };
    expect(principalDueAt(order)).toBeNull();
    expect(expire(order, Number.MAX_SAFE_INTEGER)).toBe(order);
  });
});
