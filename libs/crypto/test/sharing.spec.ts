// RFC 9591 "The Flexible Round-Optimized Schnorr Threshold (FROST) Protocol", Appendix E.5, FROST(secp256k1, SHA-256):
// group secret, coefficient, shares and group key; the hex was taken from draft-irtf-cfrg-frost.md at
// 127452b93acb3094a6f659d059550df5618c2714 of github.com/cfrg/draft-irtf-cfrg-frost.
import { describe, expect, test } from '@jest/globals';
import { numberToBytesBE } from '@noble/curves/utils.js';
import fc from 'fast-check';
import {
  addScalars,
  addVectors,
  assertPoint,
  combineShares,
  commitPolynomial,
  evaluatePolynomial,
  evaluateVector,
  lagrangeAtZero,
  scalarToBytes,
  verifyShare,
  type Group,
  type IndexedShare,
  secp256k1,
} from '../src/index.js';
import { bls12381G1 } from './bls12-381-g1.js';
import { flipped, hex, refusal } from './bytes.js';

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

/** Any scalar [32] but 0. */
function anyScalar(group: Group): fc.Arbitrary<Uint8Array> {
  return fc.bigInt({ min: 1n, max: group.scalarField.ORDER - 1n }).map((scalar) => scalarToBytes(group, scalar));
}

/** Coefficients of t terms, and n ≥ t. */
function anySharing(group: Group, maximum: number): fc.Arbitrary<{ coefficients: Uint8Array[]; n: number }> {
  const scalar = anyScalar(group);
  return fc
    .integer({ min: 1, max: maximum })
    .chain((n) => fc.record({ coefficients: fc.array(scalar, { minLength: 1, maxLength: n }), n: fc.constant(n) }));
}

function deal(group: Group, coefficients: Uint8Array[], n: number): IndexedShare[] {
  return Array.from({ length: n }, (_, i) => ({
    index: i + 1,
    share: evaluatePolynomial(group, coefficients, i + 1),
  }));
}

describe('RFC 9591 E.5', () => {
  const coefficients = [frost.groupSecretKey, frost.coefficient];
  const points = commitPolynomial(secp256k1, coefficients);

  test('shares, points and group key', () => {
    expect(deal(secp256k1, coefficients, 3)).toEqual(frost.shares);
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

describe.each<Group>([secp256k1, bls12381G1])('in $name:', (group) => {
  const zero = scalarToBytes(group, 0n);
  const q = numberToBytesBE(group.scalarField.ORDER, 32);

  describe('properties', () => {
    const sizes = Array.from({ length: 8 }, (_, n) =>
      Array.from({ length: n + 1 }, (_, t) => [t + 1, n + 1] as const),
    ).flat();

    test.each(sizes)('%d of %d: every t shares give the secret, t - 1 another', (t, n) => {
      const coefficients = fc.sample(anyScalar(group), t);
      const shares = deal(group, coefficients, n);
      for (let chosen = 0; chosen < 2 ** n; chosen++) {
        const subset = shares.filter((_, i) => (chosen >> i) & 1);
        if (subset.length === t) expect(combineShares(group, subset)).toEqual(coefficients[0]);
        if (subset.length === t - 1 && t > 1) expect(combineShares(group, subset)).not.toEqual(coefficients[0]);
      }
    });

    test('evaluateVector gives the point of evaluatePolynomial, up to index 32', () => {
      fc.assert(
        fc.property(anySharing(group, 5), fc.integer({ min: 1, max: 32 }), ({ coefficients }, index) => {
          const points = commitPolynomial(group, coefficients);
          expect(evaluateVector(group, points, index)).toEqual(
            group.publicPoint(evaluatePolynomial(group, coefficients, index)),
          );
        }),
        { numRuns: group === secp256k1 ? 40 : 10 },
      );
    });

    test('a right share is verified, a wrong one or one for another index refused', () => {
      fc.assert(
        fc.property(anySharing(group, 5), ({ coefficients, n }) => {
          const points = commitPolynomial(group, coefficients);
          for (const { index, share } of deal(group, coefficients, n)) {
            expect(verifyShare(group, points, index, share)).toBe(true);
            expect(verifyShare(group, points, index, flipped(share, 31))).toBe(false);
            expect(verifyShare(group, points, index, zero)).toBe(false);
            if (coefficients.length > 1) expect(verifyShare(group, points, index + 1, share)).toBe(false);
          }
        }),
        { numRuns: group === secp256k1 ? 20 : 6 },
      );
    });

    test('the sum of dealt polynomials: shares, points and secrets add up', () => {
      fc.assert(
        fc.property(
          fc
            .integer({ min: 1, max: 4 })
            .chain((t) =>
              fc.array(fc.array(anyScalar(group), { minLength: t, maxLength: t }), { minLength: 1, maxLength: 4 }),
            ),
          (dealers) => {
            const t = dealers[0]?.length ?? 0;
            const points = addVectors(
              group,
              dealers.map((each) => commitPolynomial(group, each)),
            );
            const shares = Array.from({ length: t }, (_, i) => ({
              index: i + 1,
              share: addScalars(
                group,
                ...dealers.map((coefficients) => evaluatePolynomial(group, coefficients, i + 1)),
              ),
            }));
            for (const { index, share } of shares) expect(verifyShare(group, points, index, share)).toBe(true);
            expect(group.publicPoint(combineShares(group, shares))).toEqual(points[0]);
          },
        ),
        { numRuns: group === secp256k1 ? 20 : 6 },
      );
    });
  });

  describe('a share of 0', () => {
    const coefficients = [scalarToBytes(group, group.scalarField.ORDER - 6n), scalarToBytes(group, 3n)]; // 3x - 6
    const points = commitPolynomial(group, coefficients);

    test('is dealt, verified and combined', () => {
      expect(evaluatePolynomial(group, coefficients, 2)).toEqual(zero);
      expect(evaluateVector(group, points, 2)).toBeNull();
      expect(verifyShare(group, points, 2, zero)).toBe(true);
      expect(verifyShare(group, points, 2, scalarToBytes(group, 1n))).toBe(false);
      expect(combineShares(group, deal(group, coefficients, 2))).toEqual(coefficients[0]);
    });

    test('the identity in the midst of a vector is no fault', () => {
      const inner = [
        scalarToBytes(group, 5n),
        scalarToBytes(group, group.scalarField.ORDER - 6n),
        scalarToBytes(group, 3n),
      ]; // 5 + x(3x - 6)
      expect(evaluateVector(group, commitPolynomial(group, inner), 2)).toEqual(
        group.publicPoint(scalarToBytes(group, 5n)),
      );
    });
  });

  describe('refusals', () => {
    const one = scalarToBytes(group, 1n);
    const base = group.publicPoint(one);
    const negative = group.publicPoint(scalarToBytes(group, group.scalarField.ORDER - 1n));
    const badPoint = new Uint8Array(group.pointBytes).fill(5);

    test.each([0, -1, 1.5, NaN, Infinity, 2 ** 32])('index %d: scalar_invalid', (index) => {
      expect(() => evaluatePolynomial(group, [one], index)).toThrow(refusal('scalar_invalid'));
      expect(() => evaluateVector(group, [base], index)).toThrow(refusal('scalar_invalid'));
      expect(() => verifyShare(group, [base], index, one)).toThrow(refusal('scalar_invalid'));
      expect(() => lagrangeAtZero(group, [index], index)).toThrow(refusal('scalar_invalid'));
      expect(() => lagrangeAtZero(group, [1, index], 1)).toThrow(refusal('scalar_invalid'));
      expect(() => combineShares(group, [{ index, share: one }])).toThrow(refusal('scalar_invalid'));
    });

    test('the greatest index works', () => {
      expect(evaluateVector(group, [base, base], 2 ** 32 - 1)).toEqual(
        group.publicPoint(evaluatePolynomial(group, [one, one], 2 ** 32 - 1)),
      );
    });

    test('polynomials', () => {
      expect(() => evaluatePolynomial(group, [], 1)).toThrow(refusal('scalar_invalid'));
      expect(() => evaluatePolynomial(group, [one, q], 1)).toThrow(refusal('scalar_invalid'));
      expect(() => evaluatePolynomial(group, [one.subarray(1)], 1)).toThrow(refusal('scalar_invalid'));
      expect(() => commitPolynomial(group, [])).toThrow(refusal('scalar_invalid'));
      expect(() => commitPolynomial(group, [zero, one])).toThrow(refusal('scalar_invalid'));
      expect(() => commitPolynomial(group, [one, zero])).toThrow(refusal('scalar_invalid'));
      expect(() => commitPolynomial(group, [one, q])).toThrow(refusal('scalar_invalid'));
    });

    test('vectors', () => {
      expect(() => evaluateVector(group, [], 1)).toThrow(refusal('point_invalid'));
      expect(() => evaluateVector(group, [base, badPoint], 1)).toThrow(refusal('point_invalid'));
      expect(() => verifyShare(group, [badPoint], 1, one)).toThrow(refusal('point_invalid'));
      expect(() => verifyShare(group, [base], 1, q)).toThrow(refusal('scalar_invalid'));
      expect(() => addVectors(group, [])).toThrow(refusal('point_invalid'));
      expect(() => addVectors(group, [[]])).toThrow(refusal('point_invalid'));
      expect(() => addVectors(group, [[base], [base, base]])).toThrow(refusal('point_invalid'));
      expect(() => addVectors(group, [[base, base], [base]])).toThrow(refusal('point_invalid'));
      expect(() => addVectors(group, [[base], [badPoint]])).toThrow(refusal('point_invalid'));
      expect(() => addVectors(group, [[base], [negative]])).toThrow(refusal('point_invalid'));
    });

    test('shares', () => {
      const share = { index: 1, share: one };
      expect(() => combineShares(group, [])).toThrow(refusal('shares_insufficient'));
      expect(() => combineShares(group, [share, share])).toThrow(refusal('scalar_invalid'));
      expect(() => combineShares(group, [share, { index: 2, share: one }, { index: 1, share: zero }])).toThrow(
        refusal('scalar_invalid'),
      );
      expect(() => combineShares(group, [{ index: 1, share: q }])).toThrow(refusal('scalar_invalid'));
      expect(() => lagrangeAtZero(group, [1, 2], 3)).toThrow(refusal('scalar_invalid'));
      expect(() => lagrangeAtZero(group, [1, 1], 1)).toThrow(refusal('scalar_invalid'));
      expect(() => lagrangeAtZero(group, [], 1)).toThrow(refusal('scalar_invalid'));
    });
  });

  describe('a proof of possession', () => {
    const [scalar, digest] = [scalarToBytes(group, 7n), new Uint8Array(32).fill(9)];
    const point = group.publicPoint(scalar);
    const pop = group.popSign(scalar, digest);

    test('has the size that the group says, and holds for that point and digest alone', () => {
      expect([point.length, pop.length]).toEqual([group.pointBytes, group.popBytes]);
      expect(group.popVerify(point, digest, pop)).toBe(true);
      expect(group.popVerify(group.publicPoint(scalarToBytes(group, 8n)), digest, pop)).toBe(false);
      expect(group.popVerify(point, flipped(digest, 0), pop)).toBe(false);
    });

    test('of another size, or of what is no point, is false', () => {
      for (const bad of [new Uint8Array(), pop.subarray(1), Uint8Array.of(...pop, 0)])
        expect(group.popVerify(point, digest, bad)).toBe(false);
      expect(group.popVerify(new Uint8Array(group.pointBytes), digest, pop)).toBe(false);
    });
  });

  test.each([-1, 1])('a point of %d bytes more than the group has is none', (more) => {
    const bytes = new Uint8Array(group.pointBytes + more);
    bytes.set(group.publicPoint(scalarToBytes(group, 1n)).subarray(0, bytes.length));
    expect(() => assertPoint(group, bytes)).toThrow(refusal('point_invalid'));
  });
});
