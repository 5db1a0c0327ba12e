import { describe, expect, test } from '@jest/globals';
import { cidOf, toHex, type Cid } from '@dta/codec';
import {
  addPoints,
  addScalars,
  addVectors,
  combineShares,
  commitPolynomial,
  evaluatePolynomial,
  publicPoint,
  randomBytes,
} from '@dta/crypto';
import fc from 'fast-check';
import { publicShare, type Setup } from '../src/index.js';
import { deriveCoefficients, isShareOf } from '../src/deal.js';
import { combineSecret } from '../src/redemption.js';
import { known, Parties } from './parties.js';
import { refusal } from './refusal.js';

const order = cidOf(randomBytes(16));

/** What a joint setup comes to: everyone's share of the sum, and Y = X + b·G. */
function deal(seeds: readonly Uint8Array[], threshold: number, n: number, key: Uint8Array) {
  const polynomials = seeds.map((seed) => deriveCoefficients(seed, order, 0, threshold));
  const vector = addVectors(polynomials.map(commitPolynomial));
  const shares = Array.from({ length: n }, (_, at) =>
    addScalars(...polynomials.map((coefficients) => evaluatePolynomial(coefficients, at + 1))),
  );
  const commitment = addPoints(known(vector[0]), publicPoint(key));
  return { shares, setup: { vector, commitment } as unknown as Setup }; // all that combining looks at
}

const anySeed = () => fc.uint8Array({ minLength: 64, maxLength: 64 });
const anyKey = () =>
  fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Uint8Array.of(1, ...bytes.slice(1)));

const sizes = Array.from({ length: 8 }, (_, n) =>
  Array.from({ length: n + 1 }, (_, t) => [t + 1, n + 1] as const),
).flat();

describe('a joint secret', () => {
  test.each(sizes)('%i of %i: any t shares and b make the key of Y; fewer, or another b, never', (t, n) => {
    fc.assert(
      fc.property(
        fc.array(anySeed(), { minLength: t, maxLength: n }),
        anyKey(),
        anyKey(),
        fc.shuffledSubarray(
          Array.from({ length: n }, (_, at) => at + 1),
          { minLength: t, maxLength: t },
        ),
        (seeds, key, other, chosen) => {
          const { shares, setup } = deal(seeds, t, n, key);
          const good = new Map(chosen.map((index) => [index, known(shares[index - 1])]));
          expect(publicPoint(combineSecret({ good, bad: [] }, key, setup))).toEqual(setup.commitment);
          const fewer = new Map([...good].slice(1));
          expect(() => combineSecret({ good: fewer, bad: [] }, key, setup)).toThrow(refusal('shares_insufficient'));
          fc.pre(Buffer.from(other).toString('hex') !== Buffer.from(key).toString('hex'));
          expect(() => combineSecret({ good, bad: [] }, other, setup)).toThrow(refusal('release_invalid'));
        },
      ),
      { numRuns: 3 },
    );
  });

  test('each share belongs to one member', () => {
    fc.assert(
      fc.property(fc.constantFrom(...sizes.filter(([t]) => t > 1)), anyKey(), ([t, n], key) => {
        const { shares, setup } = deal([randomBytes(64), randomBytes(64)], t, n, key);
        for (const [at, share] of shares.entries()) {
          expect(publicPoint(share)).toEqual(publicShare(setup, at + 1));
          expect(isShareOf(setup.vector, at + 1, share)).toBe(true);
          expect(isShareOf(setup.vector, ((at + 1) % n) + 1, share)).toBe(false);
        }
      }),
      { numRuns: 8 },
    );
  });

  test('a wrong share among the good is not combined into a wrong key', () => {
    const { shares, setup } = deal([randomBytes(64)], 2, 2, randomBytes(32).fill(1, 0, 1));
    const good = new Map([
      [1, known(shares[0])],
      [2, addScalars(known(shares[1]), known(shares[0]))],
    ]);
    expect(() => combineSecret({ good, bad: [] }, known(shares[0]), setup)).toThrow(refusal('release_invalid'));
  });
});

describe('what some of the parties have together', () => {
  const [t, n] = [3, 5];
  const b = randomBytes(32).fill(1, 0, 1);
  const { shares, setup } = deal([randomBytes(64), randomBytes(64), randomBytes(64)], t, n, b);
  const pooled = (...members: readonly number[]) =>
    members.map((index) => ({ index, share: known(shares[index - 1]) }));

  test('t−1 fiduciaries: no x, also if they know all that P knows, which is points', () => {
    const guess = combineShares(pooled(2, 4));
    expect(publicPoint(guess)).not.toEqual(setup.vector[0]);
    for (const other of [1, 3, 5]) expect(isShareOf(setup.vector, other, guess)).toBe(false);
  });

  test('P and t−1 fiduciaries: any share of a third would fit theirs as well as any other, so they say nothing of x', () => {
    const secrets = [randomBytes(32), randomBytes(32)].map((third) =>
      toHex(combineShares([...pooled(2, 4), { index: 5, share: third.fill(1, 0, 1) }])),
    );
    expect(new Set(secrets).size).toBe(2);
  });

  test('t or more fiduciaries: x, not y', () => {
    const x = combineShares(pooled(1, 3, 5));
    expect(publicPoint(x)).toEqual(setup.vector[0]);
    expect(publicPoint(x)).not.toEqual(setup.commitment);
  });

  test('a thief of B, with b: not y', () => {
    expect(publicPoint(b)).not.toEqual(setup.commitment);
    expect(() => combineSecret({ good: new Map(), bad: [] }, b, setup)).toThrow(refusal('shares_insufficient'));
  });

  test('B and t fiduciaries: y, without P', () => {
    expect(publicPoint(addScalars(combineShares(pooled(1, 2, 3)), b))).toEqual(setup.commitment);
  });
});

describe('bytes that are no scalar', () => {
  test('are no share, and stop nobody', () => {
    const { setup } = deal([randomBytes(64)], 2, 3, randomBytes(32).fill(1, 0, 1));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.constant(new Uint8Array(32).fill(0xff))), (bytes) => {
        expect(isShareOf(setup.vector, 1, bytes)).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  test('but a vector that holds no point is an error', () => {
    expect(() => isShareOf([new Uint8Array(33)], 1, new Uint8Array(32))).toThrow(refusal('point_invalid'));
  });
});

describe('a whole order, at random', () => {
  const random = fc.sample(fc.constantFrom(...sizes.filter(([, n]) => n > 1 && n < 7)), 3);

  test.each(random)('%i of %i, with as many down as may be', async (threshold, n) => {
    const parties = await Parties.of(n);
    await parties.place({ threshold, single: threshold === 1 });
    const down = parties.fiduciaries.slice(threshold).map(({ author }): Cid => author.identity.cid);
    await parties.redeem(new Set(down));
    expect(parties.order.state).toBe('released');
    expect(publicPoint(parties.beneficiary.secret('secret').value)).toEqual(parties.order.commitment);
  });
});
