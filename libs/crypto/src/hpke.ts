import { sha256 } from '@noble/hashes/sha2.js';
import { expand, extract } from '@noble/hashes/hkdf.js';
import { diffieHellman, generateKeyPairSync } from 'node:crypto';
import { CipherSuite, EncapError, type AEAD, type KDF } from 'hpke';
import { DtaError } from '@dta/errors';
import { aeadOpenWithIv, aeadSealWithIv, AEAD_KEY_BYTES, AEAD_TAG_BYTES, decryptionFailed } from './aead.js';
import { expectLength } from './expect-length.js';
import { randomBytes } from './hash.js';
import { remember } from './remember.js';
import {
  exportXWingPublicKey,
  importXWingPublicKey,
  importXWingSeed,
  KEM_ENC_BYTES,
  KEM_PUBLIC_KEY_BYTES,
  KEM_SEED_BYTES,
  xWingKem,
  type XWingKey,
} from './x-wing.js';

/** HKDF-SHA256 for the `hpke` package, on noble: twice as fast on short inputs as node:crypto's HMAC of raw keys. */
export function hkdfSha256(): KDF {
  return {
    id: 0x0001,
    type: 'KDF',
    name: 'HKDF-SHA256',
    Nh: 32,
    stages: 2,
    async Extract(salt, ikm) {
      return extract(sha256, ikm, salt);
    },
    async Expand(prk, info, length) {
      return expand(sha256, prk, info, length);
    },
    async Derive() {
      throw new Error('HKDF has two stages');
    },
  };
}

/** AES-256-GCM for the `hpke` package. */
export function aes256Gcm(): AEAD {
  return {
    id: 0x0002,
    type: 'AEAD',
    name: 'AES-256-GCM',
    Nk: AEAD_KEY_BYTES,
    Nn: 12,
    Nt: AEAD_TAG_BYTES,
    async Seal(key, nonce, aad, plaintext) {
      return aeadSealWithIv(key, nonce, plaintext, aad);
    },
    async Open(key, nonce, aad, sealed) {
      return aeadOpenWithIv(key, nonce, sealed, aad);
    },
  };
}

const suite = new CipherSuite(xWingKem, hkdfSha256, aes256Gcm);

/** A private key that {@link openKem} made ready for many opens. It holds no bytes that JavaScript could read. */
export type KemPrivateKey = XWingKey;

/**
 * A KEM key pair: the `seed` [32], which *is* the private key, and `publicKey` [1216]. Without `seed` a random one is
 * drawn; the answer's seed is a copy, to be wiped by the caller.
 *
 * @throws DtaError `key_invalid` when the seed isn't 32 bytes
 * @see draft-connolly-cfrg-xwing-kem-10 §5.2.1, GenerateKeyPairDerand
 */
export async function kemKeyPair(
  seed = randomBytes(KEM_SEED_BYTES),
): Promise<{ publicKey: Uint8Array; seed: Uint8Array }> {
  return { publicKey: exportXWingPublicKey(await openKem(seed)), seed: seed.slice() };
}

/**
 * Expands a private key once, for as many {@link hpkeOpen} as follow; the seed may be wiped afterwards.
 *
 * @throws DtaError `key_invalid` when the seed isn't 32 bytes
 */
export async function openKem(seed: Uint8Array): Promise<KemPrivateKey> {
  expectLength(seed, KEM_SEED_BYTES, 'key_invalid', 'a KEM seed');
  return importXWingSeed(seed);
}

/**
 * HPKE in base mode, single shot: X-Wing (0x647a), HKDF-SHA256, AES-256-GCM, aad empty, `info` at most
 * 65,535 bytes. Answers enc [1120] ‖ ciphertext ‖ tag [16].
 *
 * @throws DtaError `key_invalid` when `publicKey` isn't 1216 bytes, its ML-KEM part isn't reduced (FIPS 203 §7.2) or
 * its X25519 part is of low order
 * @see RFC 9180 §6.1, SealBase; docs/protocol.md §2
 */
export async function hpkeSeal(publicKey: Uint8Array, info: Uint8Array, plaintext: Uint8Array): Promise<Uint8Array> {
  expectLength(publicKey, KEM_PUBLIC_KEY_BYTES, 'key_invalid', 'a KEM public key');
  const recipient = importPublicKey(publicKey);
  const { encapsulatedSecret, ciphertext } = await suite
    .Seal(recipient, plaintext, { info })
    .catch((error: unknown) => {
      throw error instanceof EncapError ? unusableKey() : error;
    });
  const sealed = new Uint8Array(KEM_ENC_BYTES + ciphertext.length);
  sealed.set(encapsulatedSecret);
  sealed.set(ciphertext, KEM_ENC_BYTES);
  return sealed;
}

/**
 * Opens what {@link hpkeSeal} sealed, with a seed [32] or, cheaper, with a key from {@link openKem}.
 *
 * @throws DtaError `key_invalid` when the seed isn't 32 bytes, `decryption_failed` for everything else
 * @see RFC 9180 §6.1, OpenBase
 */
export async function hpkeOpen(
  key: Uint8Array | KemPrivateKey,
  info: Uint8Array,
  sealed: Uint8Array,
): Promise<Uint8Array> {
  const privateKey = key instanceof Uint8Array ? await openKem(key) : key;
  try {
    return await suite.Open(privateKey, sealed.subarray(0, KEM_ENC_BYTES), sealed.subarray(KEM_ENC_BYTES), { info });
  } catch {
    throw decryptionFailed();
  }
}

/**
 * Refuses a public key that nobody could seal to, so that one party's bad key doesn't stop a step that seals to all.
 *
 * @throws DtaError `key_invalid` unless it is 1216 bytes, its ML-KEM part reduced and its X25519 part not of low order
 */
export function assertKemPublicKey(publicKey: Uint8Array): void {
  expectLength(publicKey, KEM_PUBLIC_KEY_BYTES, 'key_invalid', 'a KEM public key');
  const { x25519 } = importPublicKey(publicKey);
  try {
    diffieHellman({ privateKey: probe, publicKey: x25519 }); // OpenSSL refuses an all-zero result
  } catch {
    throw unusableKey();
  }
}

const probe = generateKeyPairSync('x25519').privateKey;

/** A node's key is sealed to again and again, and reading one costs OpenSSL as much as half a seal. */
const importRemembered = remember(256, importXWingPublicKey);

function importPublicKey(publicKey: Uint8Array): XWingKey {
  try {
    return importRemembered(publicKey);
  } catch {
    throw unusableKey();
  }
}

function unusableKey(): DtaError {
  return new DtaError('key_invalid', 'a KEM public key is not usable');
}
