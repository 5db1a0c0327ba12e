import { isPrivate, pointFromScalar } from 'tiny-secp256k1';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { bytesToNumberBE, numberToBytesBE } from '@noble/curves/utils.js';
import { DtaError } from '@dta/errors';
import { addAffine, compress, decompress, type AffinePoint } from './affine.js';
import { expectLength } from './expect-length.js';

/** Arithmetic modulo the group order, by noble on BigInts: not in constant time (see the README). */
export const scalarField = secp256k1.Point.Fn;

/** q, the prime order of the group (SEC 2 §2.4.1). */
export const SECP256K1_ORDER: bigint = scalarField.ORDER;
/** Size of a scalar in bytes, big-endian. */
const SCALAR_BYTES = 32;
/** Size of a compressed point in bytes. */
export const POINT_BYTES = 33;
/** Size of the uniform bytes that {@link scalarFromWide} reduces. */
export const WIDE_SCALAR_BYTES = 48;

/**
 * Reads a scalar [32], big-endian; 0 is one.
 *
 * @throws DtaError `scalar_invalid` when it isn't 32 bytes or isn't less than q
 */
export function scalarFromBytes(bytes: Uint8Array): bigint {
  expectLength(bytes, SCALAR_BYTES, 'scalar_invalid', 'a scalar');
  const scalar = bytesToNumberBE(bytes);
  if (scalar >= SECP256K1_ORDER) throw new DtaError('scalar_invalid', 'a scalar is not below the group order');
  return scalar;
}

/**
 * Writes a scalar as 32 bytes, big-endian.
 *
 * @throws DtaError `scalar_invalid` when it is negative or not below q
 */
export function scalarToBytes(scalar: bigint): Uint8Array {
  if (scalar < 0n || scalar >= SECP256K1_ORDER)
    throw new DtaError('scalar_invalid', 'a scalar is not below the group order');
  return numberToBytesBE(scalar, SCALAR_BYTES);
}

/**
 * Reads a scalar [32] that may not be 0, as a secret may not.
 *
 * @throws DtaError `scalar_invalid` when it isn't 32 bytes, is 0 or isn't less than q
 */
export function nonZeroScalar(bytes: Uint8Array): bigint {
  expectNonZeroScalar(bytes);
  return bytesToNumberBE(bytes);
}

/**
 * OS2IP of 48 uniform bytes modulo q: the bias is below 2^-128 (RFC 9380 §5.1).
 *
 * @throws DtaError `scalar_invalid` when it isn't 48 bytes
 */
export function scalarFromWide(bytes: Uint8Array): bigint {
  expectLength(bytes, WIDE_SCALAR_BYTES, 'scalar_invalid', 'a wide scalar');
  return bytesToNumberBE(bytes) % SECP256K1_ORDER;
}

/**
 * Sum of scalars [32] modulo q, as 32 bytes; of none it is 0.
 *
 * @throws DtaError `scalar_invalid` as {@link scalarFromBytes}
 */
export function addScalars(...scalars: Uint8Array[]): Uint8Array {
  return scalarToBytes(scalars.reduce((sum, scalar) => scalarField.add(sum, scalarFromBytes(scalar)), 0n));
}

/**
 * s·G, compressed [33], for a scalar [32] that isn't 0; by libsecp256k1, in constant time.
 *
 * @throws DtaError `scalar_invalid` as {@link nonZeroScalar}
 */
export function publicPoint(scalar: Uint8Array): Uint8Array {
  expectNonZeroScalar(scalar);
  const point = pointFromScalar(scalar);
  if (point === null) throw new DtaError('scalar_invalid', 'a scalar has no point');
  return new Uint8Array(point);
}

/**
 * Admits a compressed point [33] that is canonical, on the curve and not the identity (SEC 1 §2.3.4).
 *
 * @throws DtaError `point_invalid` for every other value
 */
export function assertPoint(point: Uint8Array): void {
  decompress(point);
}

/**
 * Sum of compressed points [33].
 *
 * @throws DtaError `point_invalid` when one is not a point, or the sum is the identity, as that of none is
 */
export function addPoints(...points: Uint8Array[]): Uint8Array {
  const sum = points.reduce<AffinePoint>((sum, point) => addAffine(sum, decompress(point)), null);
  if (sum === null) throw new DtaError('point_invalid', 'a sum of points is the identity');
  return compress(sum);
}

/** {@link nonZeroScalar} for secrets that need not become a BigInt, which can't be wiped. */
export function expectNonZeroScalar(bytes: Uint8Array): void {
  expectLength(bytes, SCALAR_BYTES, 'scalar_invalid', 'a scalar');
  if (!isPrivate(bytes)) throw new DtaError('scalar_invalid', 'a scalar is zero or not below the group order');
}
