import {
  createHash,
  createPrivateKey,
  createPublicKey,
  decapsulate,
  diffieHellman,
  encapsulate,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import type { KEM, Key, KeyPair } from 'hpke';
import { randomBytes, wipe } from './hash.js';

/** Size of an X-Wing public key in bytes: ML-KEM-768 [1184] ‖ X25519 [32]. */
export const KEM_PUBLIC_KEY_BYTES = 1216;
/** Size of an X-Wing private key, which is a seed, in bytes. */
export const KEM_SEED_BYTES = 32;
/** Size of an X-Wing ciphertext, HPKE's `enc`, in bytes: ML-KEM-768 [1088] ‖ X25519 [32]. */
export const KEM_ENC_BYTES = 1120;

const mlKemPublicKeyBytes = 1184;
const mlKemSeedBytes = 64;
const mlKemCiphertextBytes = 1088;
const x25519Bytes = 32;

// Everything before the key bytes in the fixed-size DER forms (for ML-KEM
// draft-ietf-lamps-kyber-certificates, the key that is its seed; for X25519 RFC 8410). Node's raw formats are younger than the oldest Node that has ML-KEM.
const mlKemSpki = Buffer.from('308204b2300b0609608648016503040402038204a100', 'hex');
const mlKemPkcs8 = Buffer.from('3054020100300b060960864801650304040204428040', 'hex');
const x25519Spki = Buffer.from('302a300506032b656e032100', 'hex');
const x25519Pkcs8 = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** XWingLabel of the draft, §5.3, as bytes: `\.//^\`. */
const label = Buffer.from('5c2e2f2f5e5c', 'hex');

/** An X-Wing key that OpenSSL holds ready. `x25519Public` is the raw public part, which the combiner hashes. */
export interface XWingKey extends Key {
  readonly mlKem: KeyObject;
  readonly x25519: KeyObject;
  readonly x25519Public: Uint8Array;
}

const algorithm = { name: 'X-Wing' };

/** Reads a public key [1216]; OpenSSL refuses an ML-KEM part with coefficients that aren't reduced (FIPS 203 §7.2). */
export function importXWingPublicKey(publicKey: Uint8Array): XWingKey {
  const x25519Public = publicKey.slice(mlKemPublicKeyBytes);
  return {
    algorithm,
    type: 'public',
    extractable: true,
    mlKem: importSpki(mlKemSpki, publicKey.subarray(0, mlKemPublicKeyBytes)),
    x25519: importSpki(x25519Spki, x25519Public),
    x25519Public,
  };
}

/** expandDecapsulationKey of the draft, §5.2: SHAKE256(seed [32], 96) is ML-KEM's seed [64] and X25519's key [32]. */
export function importXWingSeed(seed: Uint8Array): XWingKey {
  const expanded = createHash('shake256', { outputLength: mlKemSeedBytes + x25519Bytes })
    .update(seed)
    .digest();
  try {
    const x25519 = importPkcs8(x25519Pkcs8, expanded.subarray(mlKemSeedBytes));
    return {
      algorithm,
      type: 'private',
      extractable: false,
      mlKem: importPkcs8(mlKemPkcs8, expanded.subarray(0, mlKemSeedBytes)),
      x25519,
      x25519Public: exportSpki(createPublicKey(x25519), x25519Spki),
    };
  } finally {
    wipe(expanded);
  }
}

/** The public key [1216] of a private one. */
export function exportXWingPublicKey(privateKey: XWingKey): Uint8Array {
  const publicKey = new Uint8Array(KEM_PUBLIC_KEY_BYTES);
  publicKey.set(exportSpki(createPublicKey(privateKey.mlKem), mlKemSpki));
  publicKey.set(privateKey.x25519Public, mlKemPublicKeyBytes);
  return publicKey;
}

/**
 * X-Wing as a KEM for the `hpke` package: draft-connolly-cfrg-xwing-kem-10, which calls for ML-KEM-768, X25519 and
 * SHA3-256 and adds only the order in which they are hashed. The package has the same KEM on WebCrypto
 * (`KEM_MLKEM768_X25519`); WebCrypto sends each of its twenty steps through the thread pool, which costs three times
 * what the cryptography does. Keys are made with {@link importXWingPublicKey} and {@link importXWingSeed}, and
 * private keys never leave OpenSSL again, hence what isn't supported.
 */
export function xWingKem(): KEM<XWingKey> {
  return {
    id: 0x647a,
    type: 'KEM',
    name: algorithm.name,
    Nsecret: 32,
    Nenc: KEM_ENC_BYTES,
    Npk: KEM_PUBLIC_KEY_BYTES,
    Nsk: KEM_SEED_BYTES,
    DeriveKeyPair: unsupported,
    SerializePrivateKey: unsupported,
    SerializePublicKey: unsupported,
    async GenerateKeyPair(): Promise<KeyPair<XWingKey>> {
      const seed = randomBytes(KEM_SEED_BYTES);
      const privateKey = importXWingSeed(seed);
      wipe(seed);
      return { privateKey, publicKey: importXWingPublicKey(exportXWingPublicKey(privateKey)) };
    },
    async DeserializePublicKey(publicKey) {
      return importXWingPublicKey(publicKey);
    },
    async DeserializePrivateKey(seed) {
      return importXWingSeed(seed);
    },
    async Encap(recipient) {
      const mlKem = encapsulate(recipient.mlKem);
      const ephemeral = generateKeyPairSync('x25519');
      const x25519Shared = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: recipient.x25519 });
      const enc = new Uint8Array(KEM_ENC_BYTES);
      enc.set(mlKem.ciphertext);
      enc.set(exportSpki(ephemeral.publicKey, x25519Spki), mlKemCiphertextBytes);
      return {
        shared_secret: combine(
          mlKem.sharedKey,
          x25519Shared,
          enc.subarray(mlKemCiphertextBytes),
          recipient.x25519Public,
        ),
        enc,
      };
    },
    async Decap(enc, recipient) {
      const x25519Ephemeral = enc.subarray(mlKemCiphertextBytes);
      const mlKemShared = decapsulate(recipient.mlKem, enc.subarray(0, mlKemCiphertextBytes));
      const x25519Shared = diffieHellman({
        privateKey: recipient.x25519,
        publicKey: importSpki(x25519Spki, x25519Ephemeral),
      });
      return combine(mlKemShared, x25519Shared, x25519Ephemeral, recipient.x25519Public);
    },
  };
}

/** Combiner of the draft, §5.3. Wipes both shared secrets. */
function combine(
  mlKemShared: Uint8Array,
  x25519Shared: Uint8Array,
  x25519Ephemeral: Uint8Array,
  x25519Public: Uint8Array,
): Uint8Array {
  const secret = createHash('sha3-256')
    .update(mlKemShared)
    .update(x25519Shared)
    .update(x25519Ephemeral)
    .update(x25519Public)
    .update(label)
    .digest();
  wipe(mlKemShared, x25519Shared);
  return secret;
}

function importSpki(prefix: Uint8Array, raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([prefix, raw]), format: 'der', type: 'spki' });
}

function exportSpki(publicKey: KeyObject, prefix: Uint8Array): Uint8Array {
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(prefix.length);
}

function importPkcs8(prefix: Uint8Array, raw: Uint8Array): KeyObject {
  const der = Buffer.concat([prefix, raw]);
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } finally {
    wipe(der);
  }
}

async function unsupported(): Promise<never> {
  throw new Error('not part of this KEM');
}
