import { isPrivate, signSchnorr, verifySchnorr } from 'tiny-secp256k1';
import { DtaError } from '@dta/errors';
import { expectLength } from '../expect-length.js';
import { randomBytes } from '../hash.js';
import { decompress } from './affine.js';
import { SCALAR_BYTES } from './scalars.js';

/** Size of the digest that a proof of possession is made over, in bytes. */
const POP_DIGEST_BYTES = 32;
/** Size of a proof of possession in bytes. */
export const POP_BYTES = 64;

/**
 * Proof of possession of a scalar [32] over a digest [32]: a BIP-340 signature [64] with fresh auxiliary randomness.
 * BIP-340 knows keys by their x alone, so the digest must contain the compressed point (docs/protocol.md §6).
 *
 * @param auxiliary 32 bytes in place of the fresh ones: for the test vectors of BIP-340, for nothing else
 * @throws DtaError `scalar_invalid` when the scalar isn't 32 bytes, is 0 or isn't below q; `signature_invalid` when
 * the digest or `auxiliary` isn't 32 bytes
 */
export function popSign(scalar: Uint8Array, digest: Uint8Array, auxiliary = randomBytes(32)): Uint8Array {
  expectNonZeroScalar(scalar);
  expectLength(digest, POP_DIGEST_BYTES, 'signature_invalid', 'the digest of a proof of possession');
  expectLength(auxiliary, 32, 'signature_invalid', 'auxiliary randomness');
  return new Uint8Array(signSchnorr(digest, scalar, auxiliary));
}

/**
 * Whether `pop` [64] proves possession of the scalar of `point` [33], or of its negative, over `digest` [32]. Never
 * throws; whatever is of another size or isn't a point is false. Refuses an R whose x is q or more, which BIP-340
 * allows but no signer meets (2^-128).
 */
export function popVerify(point: Uint8Array, digest: Uint8Array, pop: Uint8Array): boolean {
  if (digest.length !== POP_DIGEST_BYTES || pop.length !== POP_BYTES) return false;
  try {
    decompress(point);
    return verifySchnorr(digest, point.subarray(1), pop);
  } catch {
    return false;
  }
}

/**
 * Admits a scalar [32] that may not be 0, as a secret may not: none becomes a BigInt, which can't be wiped.
 *
 * @throws DtaError `scalar_invalid` when it isn't 32 bytes, is 0 or isn't below q
 */
export function expectNonZeroScalar(bytes: Uint8Array): void {
  expectLength(bytes, SCALAR_BYTES, 'scalar_invalid', 'a scalar');
  if (!isPrivate(bytes)) throw new DtaError('scalar_invalid', 'a scalar is zero or not below the group order');
}
