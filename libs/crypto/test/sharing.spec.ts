// RFC 9591 "The Flexible Round-Optimized Schnorr Threshold (FROST) Protocol", Appendix E.5, FROST(secp256k1, SHA-256):
// group secret, coefficient, shares and group key; the hex was taken from draft-irtf-cfrg-frost.md at
// 127452b93acb3094a6f659d059550df5618c2714 of github.com/cfrg/draft-irtf-cfrg-frost.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  addScalars,
  addVectors,
  combineShares,
  commitPolynomial,
  evaluatePolynomial,
  evaluateVector,
  lagrangeAtZero,
  scalarToBytes,
  verifyShare,
  type IndexedShare,
  secp256k1,
} from '../src/index.js';
import { anyScalar, flipped, hex, refusal } from './bytes.js';

const frost = {
  groupSecretKey: hex('0d004150d27c3bf2a42f312683d35fac7394b1e9e318249c1bfe7f0795a83114'),
  groupPublicKey: hex('02f37c34b66ced1fb51c34a90bdae006901f10625cc06c4f64663b0eae87d87b4f'),
  coefficient: hex('fbf85eadae3058ea14f19148bb72b45e4399c0b16028acaf0395c9b03c823579'),
  shares: [
    { index: 1, share: hex('08f89ffe80ac94dcb920c26f3f46140bfc7f95b493f8310f5fc1ea2b01f4254c') },
    { index: 2, share: hex('04f0feac2edcedc6ce1253b7fab8c86b856a797f44d83d82a385554e6e401984') },
    { index: 3, share: hex('00e95d59dd0d46b0e303e500b62b7ccb0e555d49f5b849f5e748c071da8c0dbc') },
  ],
};
const zero = scalarToBytes(secp256k1, 0n);
const q = hex(secp256k1.scalarField.ORDER.toString(16));

/** Coefficients of t terms, and n ≥ t. */
function anySharing(maximum = 8): fc.Arbitrary<{ coefficients: Uint8Array[]; n: number }> {
  return fc
    .integer({ min: 1, max: maximum })
    .chain((n) =>
      fc.record({ coefficients: fc.array(anyScalar(), { minLength: 1, maxLength: n }), n: fc.constant(n) }),
    );
}

function deal(coefficients: Uint8Array[], n: number): IndexedShare[] {
  return Array.from({ length: n }, (_, i) => ({
    index: i + 1,
    share: evaluatePolynomial(secp256k1, coefficients, i + 1),
  }));
}

describe('RFC 9591 E.5', () => {
  const coefficients = [frost.groupSecretKey, frost.coefficient];
  const points = commitPolynomial(secp256k1, coefficients);

  test('shares, points and group key', () => {
    expect(deal(coefficients, 3)).toEqual(frost.shares);
    expect(points[0]).toEqual(frost.groupPublicKey);
    for (const { index, share } of frost.shares) expect(verifyShare(secp256k1, points, index, share)).toBe(true);
  });

  test('any two shares give the group secret', () => {
    for (const left of frost.shares)
      expect(
        combineShares(
          secp256k1,
          frost.shares.filter((share) => share !== left),
        ),
      ).toEqual(frost.groupSecretKey);
    expect(combineShares(secp256k1, frost.shares)).toEqual(frost.groupSecretKey);
  });
});

describe('properties', () => {
  const sizes = Array.from({ length: 8 }, (_, n) =>
    Array.from({ length: n + 1 }, (_, t) => [t + 1, n + 1] as const),
  ).flat();

  test.each(sizes)('%d of %d: every t shares give the secret, t - 1 another', (t, n) => {
    const coefficients = fc.sample(anyScalar(), t);
    const shares = deal(coefficients, n);
    for (let chosen = 0; chosen < 2 ** n; chosen++) {
      const subset = shares.filter((_, i) => (chosen >> i) & 1);
      if (subset.length === t) expect(combineShares(secp256k1, subset)).toEqual(coefficients[0]);
      if (subset.length === t - 1 && t > 1) expect(combineShares(secp256k1, subset)).not.toEqual(coefficients[0]);
    }
  });

  test('evaluateVector gives the point of evaluatePolynomial, up to index 32', () => {
    fc.assert(
      fc.property(anySharing(5), fc.integer({ min: 1, max: 32 }), ({ coefficients }, index) => {
        const points = commitPolynomial(secp256k1, coefficients);
        expect(evaluateVector(secp256k1, points, index)).toEqual(
          secp256k1.publicPoint(evaluatePolynomial(secp256k1, coefficients, index)),
        );
      }),
      { numRuns: 40 },
    );
  });

  test('a right share is verified, a wrong one or one for another index refused', () => {
    fc.assert(
      fc.property(anySharing(5), ({ coefficients, n }) => {
        const points = commitPolynomial(secp256k1, coefficients);
        for (const { index, share } of deal(coefficients, n)) {
          expect(verifyShare(secp256k1, points, index, share)).toBe(true);
          expect(verifyShare(secp256k1, points, index, flipped(share, 31))).toBe(false);
          expect(verifyShare(secp256k1, points, index, zero)).toBe(false);
          if (coefficients.length > 1) expect(verifyShare(secp256k1, points, index + 1, share)).toBe(false);
        }
      }),
      { numRuns: 20 },
    );
  });

  test('the sum of dealt polynomials: shares, points and secrets add up', () => {
    fc.assert(
      fc.property(
        fc
          .integer({ min: 1, max: 4 })
          .chain((t) =>
            fc.array(fc.array(anyScalar(), { minLength: t, maxLength: t }), { minLength: 1, maxLength: 4 }),
          ),
        (dealers) => {
          const t = dealers[0]?.length ?? 0;
          const points = addVectors(
            secp256k1,
            dealers.map((each) => commitPolynomial(secp256k1, each)),
          );
          const shares = Array.from({ length: t }, (_, i) => ({
            index: i + 1,
            share: addScalars(
              secp256k1,
              ...dealers.map((coefficients) => evaluatePolynomial(secp256k1, coefficients, i + 1)),
            ),
          }));
          for (const { index, share } of shares) expect(verifyShare(secp256k1, points, index, share)).toBe(true);
          expect(secp256k1.publicPoint(combineShares(secp256k1, shares))).toEqual(points[0]);
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe('a share of 0', () => {
  const coefficients = [scalarToBytes(secp256k1, secp256k1.scalarField.ORDER - 6n), scalarToBytes(secp256k1, 3n)]; // 3x - 6
  const points = commitPolynomial(secp256k1, coefficients);

  test('is dealt, verified and combined', () => {
    expect(evaluatePolynomial(secp256k1, coefficients, 2)).toEqual(zero);
    expect(evaluateVector(secp256k1, points, 2)).toBeNull();
    expect(verifyShare(secp256k1, points, 2, zero)).toBe(true);
    expect(verifyShare(secp256k1, points, 2, scalarToBytes(secp256k1, 1n))).toBe(false);
    expect(combineShares(secp256k1, [...deal(coefficients, 2)])).toEqual(coefficients[0]);
  });

  test('the identity in the midst of a vector is no fault', () => {
    const inner = [
      scalarToBytes(secp256k1, 5n),
      scalarToBytes(secp256k1, secp256k1.scalarField.ORDER - 6n),
      scalarToBytes(secp256k1, 3n),
    ]; // 5 + x(3x - 6)
    expect(evaluateVector(secp256k1, commitPolynomial(secp256k1, inner), 2)).toEqual(
      secp256k1.publicPoint(scalarToBytes(secp256k1, 5n)),
    );
  });
});

describe('refusals', () => {
  const one = scalarToBytes(secp256k1, 1n);
  const base = secp256k1.publicPoint(one);
  const badPoint = new Uint8Array(33).fill(5);

  test.each([0, -1, 1.5, NaN, Infinity, 2 ** 32])('index %d: scalar_invalid', (index) => {
    expect(() => evaluatePolynomial(secp256k1, [one], index)).toThrow(refusal('scalar_invalid'));
    expect(() => evaluateVector(secp256k1, [base], index)).toThrow(refusal('scalar_invalid'));
    expect(() => verifyShare(secp256k1, [base], index, one)).toThrow(refusal('scalar_invalid'));
    expect(() => lagrangeAtZero(secp256k1, [index], index)).toThrow(refusal('scalar_invalid'));
    expect(() => lagrangeAtZero(secp256k1, [1, index], 1)).toThrow(refusal('scalar_invalid'));
    expect(() => combineShares(secp256k1, [{ index, share: one }])).toThrow(refusal('scalar_invalid'));
  });

  test('the greatest index works', () => {
    expect(evaluateVector(secp256k1, [base, base], 2 ** 32 - 1)).toEqual(
      secp256k1.publicPoint(evaluatePolynomial(secp256k1, [one, one], 2 ** 32 - 1)),
    );
  });

  test('polynomials', () => {
    expect(() => evaluatePolynomial(secp256k1, [], 1)).toThrow(refusal('scalar_invalid'));
    expect(() => evaluatePolynomial(secp256k1, [one, q], 1)).toThrow(refusal('scalar_invalid'));
    expect(() => evaluatePolynomial(secp256k1, [one.subarray(1)], 1)).toThrow(refusal('scalar_invalid'));
    expect(() => commitPolynomial(secp256k1, [])).toThrow(refusal('scalar_invalid'));
    expect(() => commitPolynomial(secp256k1, [zero, one])).toThrow(refusal('scalar_invalid'));
    expect(() => commitPolynomial(secp256k1, [one, zero])).toThrow(refusal('scalar_invalid'));
    expect(() => commitPolynomial(secp256k1, [one, q])).toThrow(refusal('scalar_invalid'));
  });

  test('vectors', () => {
    expect(() => evaluateVector(secp256k1, [], 1)).toThrow(refusal('point_invalid'));
    expect(() => evaluateVector(secp256k1, [base, badPoint], 1)).toThrow(refusal('point_invalid'));
    expect(() => verifyShare(secp256k1, [badPoint], 1, one)).toThrow(refusal('point_invalid'));
    expect(() => verifyShare(secp256k1, [base], 1, q)).toThrow(refusal('scalar_invalid'));
    expect(() => addVectors(secp256k1, [])).toThrow(refusal('point_invalid'));
    expect(() => addVectors(secp256k1, [[]])).toThrow(refusal('point_invalid'));
    expect(() => addVectors(secp256k1, [[base], [base, base]])).toThrow(refusal('point_invalid'));
    expect(() => addVectors(secp256k1, [[base, base], [base]])).toThrow(refusal('point_invalid'));
    expect(() => addVectors(secp256k1, [[base], [badPoint]])).toThrow(refusal('point_invalid'));
    expect(() => addVectors(secp256k1, [[base], [flipped(base, 0)]])).toThrow(refusal('point_invalid'));
  });

  test('shares', () => {
    const share = { index: 1, share: one };
    expect(() => combineShares(secp256k1, [])).toThrow(refusal('shares_insufficient'));
    expect(() => combineShares(secp256k1, [share, share])).toThrow(refusal('scalar_invalid'));
    expect(() => combineShares(secp256k1, [share, { index: 2, share: one }, { index: 1, share: zero }])).toThrow(
      refusal('scalar_invalid'),
    );
    expect(() => combineShares(secp256k1, [{ index: 1, share: q }])).toThrow(refusal('scalar_invalid'));
    expect(() => lagrangeAtZero(secp256k1, [1, 2], 3)).toThrow(refusal('scalar_invalid'));
    expect(() => lagrangeAtZero(secp256k1, [1, 1], 1)).toThrow(refusal('scalar_invalid'));
    expect(() => lagrangeAtZero(secp256k1, [], 1)).toThrow(refusal('scalar_invalid'));
  });
});
