import { ECDH } from 'node:crypto';
import { pointAdd, pointCompress, pointMultiply } from 'tiny-secp256k1';
import { DtaError } from '@dta/errors';
import { expectLength } from '../expect-length.js';
import { remember } from '../remember.js';

/** Size of a compressed point in bytes. */
export const POINT_BYTES = 33;

/**
 * A point that has been checked, uncompressed [65], or null for the identity. Sums of points are made in this form:
 * each decompression costs as much as three additions.
 */
export type AffinePoint = Uint8Array | null;

/**
 * Checks and decompresses a point [33], by OpenSSL. Nothing may reach tiny-secp256k1 unchecked: its WebAssembly throws
 * through its own stack frames without giving the stack back, so that 3,000 bad points, from anyone, would stop it
 * for ever.
 *
 * @throws DtaError `point_invalid` unless canonical, on the curve and not the identity
 */
export function decompress(point: Uint8Array): Uint8Array {
  expectLength(point, POINT_BYTES, 'point_invalid', 'a point');
  return decompressed(point);
}

// The points of an order come up again at each of its steps.
const decompressed = remember(1024, (point) => {
  try {
    const uncompressed = ECDH.convertKey(point, 'secp256k1', undefined, undefined, 'uncompressed');
    if (typeof uncompressed === 'string') throw new TypeError('a string without having asked for one');
    return new Uint8Array(uncompressed);
  } catch {
    throw new DtaError('point_invalid', 'a point is not on the curve');
  }
});

/** The compressed form [33]. */
export function compress(point: Uint8Array): Uint8Array {
  return new Uint8Array(pointCompress(point, true));
}

/** a + b. */
export function addAffine(a: AffinePoint, b: AffinePoint): AffinePoint {
  if (a === null) return b;
  return b === null ? a : pointAdd(a, b, false);
}

/** scalar · point for a scalar [32] that is neither 0 nor secret: the time depends on it, and small ones are quick. */
export function multiplyAffine(point: AffinePoint, scalar: Uint8Array): AffinePoint {
  return point === null ? null : pointMultiply(point, scalar, false);
}
