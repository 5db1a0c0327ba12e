import { DtaError } from '@dta/errors';
import type { Group } from './groups/group.js';
import { addPoints } from './groups/points.js';
import { scalarFromBytes, scalarToBytes } from './groups/scalars.js';
import { timingSafeEqual } from './hash.js';

/** One participant's share: f(`index`) as a scalar [32], which may be 0. */
export interface IndexedShare {
  readonly index: number;
  readonly share: Uint8Array;
}

/**
 * f(index) [32] for f with the given coefficients [32], constant term first (RFC 9591 App. C.1.1, polynomial_evaluate).
 *
 * @param index an integer from 1 to 2^32 − 1
 * @throws DtaError `scalar_invalid` without coefficients, for a coefficient that isn't a scalar, for another index
 */
export function evaluatePolynomial(group: Group, coefficients: readonly Uint8Array[], index: number): Uint8Array {
  const { scalarField } = group;
  const x = indexScalar(index);
  expectTerms(coefficients, 'scalar_invalid');
  const value = coefficients.reduceRight(
    (value, coefficient) => scalarField.add(scalarField.mul(value, x), scalarFromBytes(group, coefficient)),
    0n,
  );
  return scalarToBytes(group, value);
}

/**
 * The points C_k = a_k·G [pointBytes] of a polynomial's coefficients [32] (RFC 9591 App. C.2, vss_commit). A zero has no
 * point; a dealer whose hash gives one draws again.
 *
 * @throws DtaError `scalar_invalid` without coefficients, or for one that is 0 or isn't a scalar
 */
export function commitPolynomial(group: Group, coefficients: readonly Uint8Array[]): Uint8Array[] {
  expectTerms(coefficients, 'scalar_invalid');
  return coefficients.map((coefficient) => group.publicPoint(coefficient));
}

/**
 * Σ index^k·C_k [pointBytes] over points [pointBytes], what f(index)·G must be; null for the identity, as a share may be 0.
 *
 * @param index an integer from 1 to 2^32 − 1; quickest when small
 * @throws DtaError `point_invalid` without points or for one that is none, `scalar_invalid` for another index
 */
export function evaluateVector<Element>(
  group: Group<Element>,
  points: readonly Uint8Array[],
  index: number,
): Uint8Array | null {
  const x = scalarToBytes(group, indexScalar(index));
  expectTerms(points, 'point_invalid');
  const sum = points.reduceRight(
    (sum, point) => group.add(index === 1 ? sum : group.multiply(sum, x), group.decode(point)),
    group.identity,
  );
  return group.encode(sum);
}

/**
 * Whether `share` [32] is the one the points promise to `index`: share·G = Σ index^k·C_k (RFC 9591 App. C.2,
 * vss_verify).
 *
 * @throws DtaError `scalar_invalid` when the share isn't a scalar, otherwise as {@link evaluateVector}
 */
export function verifyShare(group: Group, points: readonly Uint8Array[], index: number, share: Uint8Array): boolean {
  const promised = evaluateVector(group, points, index);
  if (scalarFromBytes(group, share) === 0n) return promised === null;
  return promised !== null && timingSafeEqual(group.publicPoint(share), promised);
}

/**
 * Componentwise sum of vectors of points, all of one length: the points of the sum of their polynomials.
 *
 * @throws DtaError `point_invalid` without vectors, for lengths that differ, for a component that is no point or
 * whose sum is the identity
 */
export function addVectors(group: Group, vectors: readonly (readonly Uint8Array[])[]): Uint8Array[] {
  const [first, ...others] = vectors;
  if (first === undefined || first.length === 0 || others.some((vector) => vector.length !== first.length))
    throw new DtaError('point_invalid', 'vectors of points to be added must have one length, not 0');
  return first.map((point, k) => addPoints(group, point, ...others.flatMap((vector) => vector.slice(k, k + 1))));
}

/**
 * λ of `index` among `indices`, with which shares are weighed to interpolate f(0) (RFC 9591 §4.2,
 * derive_interpolating_value).
 *
 * @throws DtaError `scalar_invalid` unless the indices are distinct integers from 1 to 2^32 − 1 and `index` is one
 */
export function lagrangeAtZero({ scalarField }: Group, indices: readonly number[], index: number): bigint {
  if (new Set(indices).size !== indices.length || !indices.includes(index))
    throw new DtaError('scalar_invalid', 'indices must be distinct and name the share');
  const x = indexScalar(index);
  let numerator = 1n;
  let denominator = 1n;
  for (const other of indices.map(indexScalar)) {
    if (other === x) continue;
    numerator = scalarField.mul(numerator, other);
    denominator = scalarField.mul(denominator, scalarField.sub(other, x));
  }
  return scalarField.div(numerator, denominator);
}

/**
 * Σ λ_j·share_j, f(0) [32] of the polynomial through the shares (RFC 9591 App. C.1.1, polynomial_interpolate_constant).
 * It can't tell a wrong share from a right one: each has to be verified before, or the sum after.
 *
 * @throws DtaError `shares_insufficient` without shares, `scalar_invalid` for an index given twice or outside 1 to
 * 2^32 − 1 and for a share that isn't a scalar
 */
export function combineShares(group: Group, shares: readonly IndexedShare[]): Uint8Array {
  if (shares.length === 0) throw new DtaError('shares_insufficient', 'there are no shares to combine');
  const indices = shares.map(({ index }) => index);
  const { scalarField } = group;
  const secret = shares.reduce(
    (sum, { index, share }) =>
      scalarField.add(sum, scalarField.mul(lagrangeAtZero(group, indices, index), scalarFromBytes(group, share))),
    0n,
  );
  return scalarToBytes(group, secret);
}

function indexScalar(index: number): bigint {
  if (!Number.isInteger(index) || index < 1 || index > 0xffff_ffff)
    throw new DtaError('scalar_invalid', 'an index must be an integer from 1 to 2^32 - 1');
  return BigInt(index);
}

function expectTerms(terms: readonly Uint8Array[], code: 'scalar_invalid' | 'point_invalid'): void {
  if (terms.length === 0) throw new DtaError(code, 'a polynomial has at least one term');
}
