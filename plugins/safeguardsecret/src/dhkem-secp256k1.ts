import { secp256k1 } from '@noble/curves/secp256k1.js';
import { expand, extract } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import type { KEM, Key, KeyPair } from 'hpke';

const { Point, getSharedSecret, getPublicKey } = secp256k1;
const utf8 = new TextEncoder();

/** "KEM" ‖ the KEM's number, as RFC 9180 §4.1 has it. */
const suiteId = Uint8Array.of(...utf8.encode('KEM'), 0x00, 0x16);
const secretBytes = 32;
const pointBytes = 65;

/** A key of the curve: a public one uncompressed [65], a private one [32] with its public one. */
export interface Secp256k1Key extends Key {
  readonly point: Uint8Array;
  readonly scalar: Uint8Array | null;
}

const algorithm = { name: 'secp256k1' };

/** A public key from its 33 or 65 bytes. @throws Error for what is no point of the curve */
export function publicKeyOf(bytes: Uint8Array): Secp256k1Key {
  return { algorithm, type: 'public', extractable: true, point: Point.fromBytes(bytes).toBytes(false), scalar: null };
}

/** A private key from its 32 bytes. @throws Error for what is no scalar of the curve */
export function privateKeyOf(bytes: Uint8Array): Secp256k1Key {
  return {
    algorithm,
    type: 'private',
    extractable: false,
    point: getPublicKey(bytes, false),
    scalar: bytes.slice(),
  };
}

/**
 * DHKEM(secp256k1, HKDF-SHA256), number 0x0016, for the `hpke` package, which has no KEM of this curve: RFC 9180 §4.1 on
 * the curve's Diffie-Hellman and HKDF from noble, points uncompressed, the shared secret the x-coordinate [32].
 *
 * @see draft-wahby-cfrg-hpke-kem-secp256k1
 */
export function dhkemSecp256k1(): KEM<Secp256k1Key> {
  return {
    id: 0x0016,
    type: 'KEM',
    name: 'DHKEM(secp256k1, HKDF-SHA256)',
    Nsecret: secretBytes,
    Nenc: pointBytes,
    Npk: pointBytes,
    Nsk: 32,
    async DeriveKeyPair(ikm) {
      return deriveKeyPair(ikm);
    },
    async GenerateKeyPair() {
      return pairOf(secp256k1.utils.randomSecretKey());
    },
    async SerializePublicKey({ point }) {
      return point;
    },
    async DeserializePublicKey(bytes) {
      return publicKeyOf(bytes);
    },
    async SerializePrivateKey() {
      throw new Error('a private key stays where it is');
    },
    async DeserializePrivateKey(bytes) {
      return privateKeyOf(bytes);
    },
    async Encap(recipient) {
      return encapTo(recipient, secp256k1.utils.randomSecretKey());
    },
    async Decap(enc, { scalar, point }) {
      if (scalar === null) throw new Error('a public key opens nothing');
      return sharedSecret(scalar, enc, enc, point);
    },
  };
}

/** Encap of RFC 9180 §4.1 under an ephemeral key [32], which it wipes. */
export function encapTo(
  recipient: Secp256k1Key,
  ephemeral: Uint8Array,
): { shared_secret: Uint8Array; enc: Uint8Array } {
  const enc = getPublicKey(ephemeral, false);
  const shared = sharedSecret(ephemeral, recipient.point, enc, recipient.point);
  ephemeral.fill(0);
  return { shared_secret: shared, enc };
}

/** ExtractAndExpand of the x-coordinate of the Diffie-Hellman point, kem_context = enc ‖ pkR. */
function sharedSecret(scalar: Uint8Array, point: Uint8Array, enc: Uint8Array, recipient: Uint8Array): Uint8Array {
  const dh = getSharedSecret(scalar, point).subarray(1);
  const prk = extract(sha256, labeled('eae_prk', dh));
  dh.fill(0);
  return expand(sha256, prk, Uint8Array.of(0, secretBytes, ...labeled('shared_secret', enc, recipient)), secretBytes);
}

/** DeriveKeyPair of RFC 9180 §7.1.3, with the bitmask 0xff. */
function deriveKeyPair(ikm: Uint8Array): KeyPair<Secp256k1Key> {
  const prk = extract(sha256, labeled('dkp_prk', ikm));
  for (let counter = 0; counter <= 0xff; counter += 1) {
    const candidate = expand(sha256, prk, Uint8Array.of(0, 32, ...labeled('candidate', Uint8Array.of(counter))), 32);
    if (secp256k1.utils.isValidSecretKey(candidate)) return pairOf(candidate);
  }
  throw new Error('no key can be derived');
}

function pairOf(secret: Uint8Array): KeyPair<Secp256k1Key> {
  const privateKey = privateKeyOf(secret);
  return { privateKey, publicKey: publicKeyOf(privateKey.point) };
}

/** "HPKE-v1" ‖ suite_id ‖ label ‖ parts. */
function labeled(label: string, ...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([utf8.encode('HPKE-v1'), suiteId, utf8.encode(label), ...parts]);
}
