import { pointFromScalar } from 'tiny-secp256k1';
import { secp256k1 as curve } from '@noble/curves/secp256k1.js';
import { DtaError } from '@dta/errors';
import { addAffine, compress, decompress, multiplyAffine, POINT_BYTES, type AffinePoint } from './affine.js';
import { expectNonZeroScalar, POP_BYTES, popSign, popVerify } from './bip340.js';
import type { Group } from './group.js';

/**
 * secp256k1 (SEC 2 §2.4.1), its points compressed [33], its proofs BIP-340 signatures [64]. Base multiplication and proofs are
 * made by libsecp256k1, in constant time; scalars are added and multiplied by noble.
 */
export const secp256k1: Group<AffinePoint> = {
  name: 'secp256k1',
  pointBytes: POINT_BYTES,
  popBytes: POP_BYTES,
  scalarField: curve.Point.Fn,
  identity: null,
  decode: decompress,
  encode: (element) => (element === null ? null : compress(element)),
  add: addAffine,
  multiply: multiplyAffine,
  publicPoint,
  popSign: (scalar, digest) => popSign(scalar, digest),
  popVerify,
};

function publicPoint(scalar: Uint8Array): Uint8Array {
  expectNonZeroScalar(scalar);
  const point = pointFromScalar(scalar);
  if (point === null) throw new DtaError('scalar_invalid', 'a scalar has no point');
  return new Uint8Array(point);
}
