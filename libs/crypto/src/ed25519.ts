import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { DtaError } from '@dta/errors';
import { expectLength } from './expect-length.js';
import { wipe } from './hash.js';
import { remember } from './remember.js';

/** Size of an Ed25519 public key in bytes. */
export const ED25519_PUBLIC_KEY_BYTES = 32;
/** Size of an Ed25519 private key, which is a seed, in bytes. */
const ED25519_SEED_BYTES = 32;
/** Size of an Ed25519 signature in bytes: R [32] ‖ S [32]. */
export const ED25519_SIGNATURE_BYTES = 64;

/** A signing key that {@link openEd25519} made ready; OpenSSL holds its bytes. */
export type Ed25519PrivateKey = KeyObject;

// RFC 8410: everything before the key bytes in the fixed-size DER forms.
const spki = Buffer.from('302a300506032b6570032100', 'hex');
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const identity = Uint8Array.of(1, ...new Uint8Array(31));

/**
 * Expands a seed [32] once, for as many signatures as follow; the seed may be wiped afterwards.
 *
 * @throws DtaError `key_invalid` when the seed isn't 32 bytes
 */
export function openEd25519(seed: Uint8Array): Ed25519PrivateKey {
  expectLength(seed, ED25519_SEED_BYTES, 'key_invalid', 'an Ed25519 seed');
  const der = Buffer.concat([pkcs8, seed]);
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } finally {
    wipe(der);
  }
}

/**
 * The public key [32] of a seed [32] or opened key (RFC 8032 §5.1.5).
 *
 * @throws DtaError `key_invalid` when the seed isn't 32 bytes
 */
export function ed25519PublicKey(key: Uint8Array | Ed25519PrivateKey): Uint8Array {
  const der = createPublicKey(opened(key)).export({ format: 'der', type: 'spki' });
  return new Uint8Array(der.subarray(spki.length));
}

/**
 * Signs with a seed [32] or, at a third of the time, with a key from {@link openEd25519}; 64 bytes, deterministic
 * (RFC 8032 §5.1.6).
 *
 * @throws DtaError `key_invalid` when the seed isn't 32 bytes
 */
export function ed25519Sign(key: Uint8Array | Ed25519PrivateKey, message: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, message, opened(key)));
}

/**
 * Whether S < L, R isn't the identity, and encode([S]B − [k]A) equals R's 32 bytes: cofactorless, so that all nodes
 * agree about every signature (docs/protocol.md §2). Never throws; a key or signature of another size is false. It
 * holds for keys that {@link assertEd25519PublicKey} admitted; for keys of small order Node's versions differ.
 */
export function ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== ED25519_PUBLIC_KEY_BYTES || signature.length !== ED25519_SIGNATURE_BYTES) return false;
  // Node refuses R of small order since nodejs/node#64026 and took it before. Under an admitted key the identity is the
  // one such R that the equation allows.
  if (identity.every((byte, at) => byte === signature[at])) return false;
  return verify(null, message, importPublicKey(publicKey), signature);
}

/**
 * Admits a public key only as the canonical encoding of a point of order exactly L: then it has one encoding, and no
 * signature under it is valid for more than one reason. Takes about a millisecond; done once, with the identity.
 *
 * @throws DtaError `key_invalid` for every other value
 * @see docs/protocol.md §2; Chalkias, Garillot and Nikolaenko, "Taming the many EdDSAs"
 */
export function assertEd25519PublicKey(publicKey: Uint8Array): void {
  expectLength(publicKey, ED25519_PUBLIC_KEY_BYTES, 'key_invalid', 'an Ed25519 public key');
  if (!isOfOrderL(publicKey)) throw new DtaError('key_invalid', 'an Ed25519 public key is not admitted');
}

function isOfOrderL(publicKey: Uint8Array): boolean {
  try {
    const point = ed25519.Point.fromBytes(publicKey, false); // false: RFC 8032's decoding, which refuses y ≥ p
    return !point.is0() && point.isTorsionFree();
  } catch {
    return false;
  }
}

// A quarter of a verification is the import of its key.
const importPublicKey = remember(256, (publicKey) =>
  createPublicKey({ key: Buffer.concat([spki, publicKey]), format: 'der', type: 'spki' }),
);

function opened(key: Uint8Array | Ed25519PrivateKey): Ed25519PrivateKey {
  return key instanceof Uint8Array ? openEd25519(key) : key;
}
