import { AEAD_AES_256_GCM, CipherSuite, KDF_HKDF_SHA256 } from 'hpke';
import { dhkemSecp256k1, publicKeyOf, privateKeyOf } from './dhkem-secp256k1.js';

/** Size of v, HPKE's encapsulated key: an uncompressed point. */
export const V_BYTES = 65;
/** Size of t, the tag of AES-256-GCM. */
export const TAG_BYTES = 16;

const suite = new CipherSuite(dhkemSecp256k1, KDF_HKDF_SHA256, AEAD_AES_256_GCM);

/** What is sealed, each part in hex. */
export type Sealed = { readonly cypherText: string; readonly v: string; readonly t: string };

/**
 * Seals to a public key [33]: HPKE in base mode, DHKEM(secp256k1, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, aad empty,
 * info = "DTA-SECRET1" ‖ the order's reference [36], so that it opens for this order alone.
 *
 * @see docs/protocol.md, "A safeguarded secret"; RFC 9180 §6.1
 */
export async function seal(publicKey: Uint8Array, orderReference: Uint8Array, plaintext: Uint8Array): Promise<Sealed> {
  const info = infoOf(orderReference);
  const { encapsulatedSecret, ciphertext } = await suite.Seal(publicKeyOf(publicKey), plaintext, { info });
  const at = ciphertext.length - TAG_BYTES;
  return { cypherText: hex(ciphertext.subarray(0, at)), v: hex(encapsulatedSecret), t: hex(ciphertext.subarray(at)) };
}

/** Opens what {@link seal} sealed, with the private key [32]. @throws Error where anything of it was changed */
export function open(
  secret: Uint8Array,
  orderReference: Uint8Array,
  { cypherText, v, t }: Sealed,
): Promise<Uint8Array> {
  const info = infoOf(orderReference);
  return suite.Open(privateKeyOf(secret), Buffer.from(v, 'hex'), Buffer.from(cypherText + t, 'hex'), { info });
}

function infoOf(orderReference: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from('DTA-SECRET1'), orderReference]);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
