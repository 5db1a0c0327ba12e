import { DtaError } from '@dta/errors';
import { addAffine, compress, decompress, multiplyAffine, type AffinePoint } from './affine.js';
import { timingSafeEqual } from './hash.js';
import { addPoints, publicPoint, scalarField, scalarFromBytes, scalarToBytes } from './secp256k1.js';

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
export function evaluatePolynomial(coefficients: readonly Uint8Array[], index: number): Uint8Array {
  const x = indexScalar(index);
  expectTerms(coefficients, 'scalar_invalid');
  const value = coefficients.reduceRight(
    (value, coefficient) => scalarField.add(scalarField.mul(value, x), scalarFromBytes(coefficient)),
    0n,
  );
  return scalarToBytes(value);
}

/**
 * The points C_k = a_k·G [33] of a polynomial's coefficients [32] (RFC 9591 App. C.2, vss_commit). A zero has no
 * point; a dealer whose hash gives one draws again.
 *
 * @throws DtaError `scalar_invalid` without coefficients, or for one that is 0 or isn't a scalar
 */
export function commitPolynomial(coefficients: readonly Uint8Array[]): Uint8Array[] {
  expectTerms(coefficients, 'scalar_invalid');
  return coefficients.map(publicPoint);
}

/**
 * Σ index^k·C_k [33] over points [33], what f(index)·G must be; null for the identity, as a share may be 0.
 *
 * @param index an integer from 1 to 2^32 − 1; quickest when small
 * @throws DtaError `point_invalid` without points or for one that is none, `scalar_invalid` for another index
 */
export function evaluateVector(points: readonly Uint8Array[], index: number): Uint8Array | null {
  const x = scalarToBytes(indexScalar(index));
  expectTerms(points, 'point_invalid');
  const sum = points.reduceRight<AffinePoint>(
    (sum, point) => addAffine(index === 1 ? sum : multiplyAffine(sum, x), decompress(point)),
    null,
  );
  return sum === null ? null : compress(sum);
}

/**
 * Whether `share` [32] is the one the points promise to `index`: share·G = Σ index^k·C_k (RFC 9591 App. C.2,
 * vss_verify).
 *
 * @throws DtaError `scalar_invalid` when the share isn't a scalar, otherwise as {@link evaluateVector}
 */
export function verifyShare(points: readonly Uint8Array[], index: number, share: Uint8Array): boolean {
  const promised = evaluateVector(points, index);
  if (scalarFromBytes(share) === 0n) return promised === null;
  return promised !== null && timingSafeEqual(publicPoint(share), promised);
}

/**
 * Componentwise sum of vectors of points, all of one length: the points of the sum of their polynomials.
 *
 * @throws DtaError `point_invalid` without vectors, for lengths that differ, for a component that is no point or
 * whose sum is the identity
 */
export function addVectors(vectors: readonly (readonly Uint8Array[])[]): Uint8Array[] {
  const [first, ...others] = vectors;
  if (first === undefined || first.length === 0 || others.some((vector) => vector.length !== first.length))
    throw new DtaError('point_invalid', 'vectors of points to be added must have one length, not 0');
  return first.map((point, k) => addPoints(point, ...others.flatMap((vector) => vector.slice(k, k + 1))));
}

/**
 * λ of `index` among `indices`, with which shares are weighed to interpolate f(0) (RFC 9591 §4.2,
 * derive_interpolating_value).
 *
 * @throws DtaError `scalar_invalid` unless the indices are distinct integers from 1 to 2^32 − 1 and `index` is one
 */
export function lagrangeAtZero(indices: readonly number[], index: number): bigint {
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
export function combineShares(shares: readonly IndexedShare[]): Uint8Array {
  if (shares.length === 0) throw new DtaError('shares_insufficient', 'there are no shares to combine');
  const indices = shares.map(({ index }) => index);
  const secret = shares.reduce(
    (sum, { index, share }) =>
      scalarField.add(sum, scalarField.mul(lagrangeAtZero(indices, index), scalarFromBytes(share))),
    0n,
  );
  return scalarToBytes(secret);
}

function indexScalar(index: number): bigint {
  if (!Number.isInteger(index) || index < 1 || index > 0xffff_ffff)
    throw new DtaError('scalar_invalid', 'an index must be an integer from 1 to 2^32 - 1');
  return BigInt(index);
}

function expectTerms(terms: readonly Uint8Array[], code: 'scalar_invalid' | 'point_invalid'): void {
  if (terms.length === 0) throw new DtaError(code, 'a polynomial has at least one term');
}
