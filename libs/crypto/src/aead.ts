import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto';
import { DtaError } from '@dta/errors';
import { expectLength } from './expect-length.js';
import { wipe } from './hash.js';

/** Size of an AES-256 key in bytes. */
export const AEAD_KEY_BYTES = 32;
/** Size of the tag that every sealed value ends with, in bytes. */
export const AEAD_TAG_BYTES = 16;
const ivBytes = 12;
const zeroIv = new Uint8Array(ivBytes);

/**
 * Seals under a key that seals **once in its life**: the iv is 0^12, so a second message under it would give away both.
 * AES-256-GCM (NIST SP 800-38D), `key` [32], answers ciphertext ‖ tag [16].
 *
 * @throws DtaError `key_invalid` when the key isn't 32 bytes
 */
export function aeadSeal(key: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): Uint8Array {
  return aeadSealWithIv(key, zeroIv, plaintext, aad);
}

/**
 * Opens what {@link aeadSeal} sealed.
 *
 * @throws DtaError `key_invalid` when the key isn't 32 bytes, `decryption_failed` for everything else
 */
export function aeadOpen(key: Uint8Array, sealed: Uint8Array, aad: Uint8Array): Uint8Array {
  return aeadOpenWithIv(key, zeroIv, sealed, aad);
}

/**
 * AES-256-GCM (NIST SP 800-38D) with `key` [32] and `iv` [12], which must never meet twice; answers
 * ciphertext ‖ tag [16].
 *
 * @throws DtaError `key_invalid` when the key isn't 32 or the iv not 12 bytes
 */
export function aeadSealWithIv(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): Uint8Array {
  expectLength(key, AEAD_KEY_BYTES, 'key_invalid', 'an AES-256 key');
  expectLength(iv, ivBytes, 'key_invalid', 'a GCM iv');
  // as a KeyObject: given bytes, node finds out by an exception that they are none, at the price of the encryption
  const cipher = createCipheriv('aes-256-gcm', createSecretKey(key), iv, { authTagLength: AEAD_TAG_BYTES });
  cipher.setAAD(aad);
  const sealed = new Uint8Array(plaintext.length + AEAD_TAG_BYTES);
  sealed.set(cipher.update(plaintext));
  cipher.final(); // gives no bytes: GCM is a stream mode
  sealed.set(cipher.getAuthTag(), plaintext.length);
  return sealed;
}

/**
 * Opens what {@link aeadSealWithIv} sealed.
 *
 * @throws DtaError `key_invalid` when the key isn't 32 or the iv not 12 bytes, `decryption_failed` for everything else
 */
export function aeadOpenWithIv(key: Uint8Array, iv: Uint8Array, sealed: Uint8Array, aad: Uint8Array): Uint8Array {
  expectLength(key, AEAD_KEY_BYTES, 'key_invalid', 'an AES-256 key');
  expectLength(iv, ivBytes, 'key_invalid', 'a GCM iv');
  if (sealed.length < AEAD_TAG_BYTES) throw decryptionFailed();
  const end = sealed.length - AEAD_TAG_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', createSecretKey(key), iv, { authTagLength: AEAD_TAG_BYTES });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(end));
  const unverified = decipher.update(sealed.subarray(0, end));
  try {
    decipher.final();
    return new Uint8Array(unverified);
  } catch {
    throw decryptionFailed();
  } finally {
    wipe(unverified);
  }
}

/** One error with one message for every reason, so that it can't serve as an oracle. */
export function decryptionFailed(): DtaError {
  return new DtaError('decryption_failed', 'the sealed value could not be opened');
}
