// A second group, for tests alone: what is generic must hold in it too. Its points and proofs are of other sizes than those of
// secp256k1 and its order is smaller. Points are of G1, compressed (draft-irtf-cfrg-pairing-friendly-curves), proofs
// signatures of draft-irtf-cfrg-bls-signature with public keys in G1; noble makes both, not in constant time.
import { bls12_381 } from '@noble/curves/bls12-381.js';
import { DtaError } from '@dta/errors';
import { scalarFromBytes, type Group } from '../src/index.js';

const { Point } = bls12_381.G1;
const { longSignatures } = bls12_381;
type Element = (typeof Point)['ZERO'];

/** @throws DtaError `scalar_invalid` for 0 too */
function nonZero(scalar: Uint8Array): bigint {
  const value = scalarFromBytes(bls12381G1, scalar);
  if (value === 0n) throw new DtaError('scalar_invalid', 'a scalar is zero');
  return value;
}

export const bls12381G1: Group<Element> = {
  name: 'bls12-381-g1',
  pointBytes: 48,
  popBytes: 96,
  scalarField: Point.Fn,
  identity: Point.ZERO,
  decode(point) {
    try {
      if (point.length !== 48) throw new RangeError('another size');
      const element = Point.fromBytes(point);
      element.assertValidity(); // on the curve and not the identity
      if (!element.isTorsionFree()) throw new RangeError('outside of the group of order q');
      return element;
    } catch {
      throw new DtaError('point_invalid', 'a point is not in the group');
    }
  },
  encode: (element) => (element.is0() ? null : element.toBytes(true)),
  add: (a, b) => a.add(b),
  multiply: (element, scalar) => element.multiplyUnsafe(nonZero(scalar)),
  publicPoint: (scalar) => Point.BASE.multiply(nonZero(scalar)).toBytes(true),
  popSign(scalar, digest) {
    nonZero(scalar);
    return longSignatures.sign(longSignatures.hash(digest), scalar).toBytes(true);
  },
  popVerify(point, digest, pop) {
    try {
      return pop.length === 96 && longSignatures.verify(pop, longSignatures.hash(digest), point);
    } catch {
      return false;
    }
  },
};
