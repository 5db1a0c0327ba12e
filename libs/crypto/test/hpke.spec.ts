// The vectors in vectors/x-wing.ts (draft-connolly-cfrg-xwing-kem-10 App. C) and vectors/hpke.ts (RFC 9180 App. A,
// draft-ietf-hpke-pq-03); origins are named there.
//
// X-Wing's encapsulation can't be run from a vector's `eseed`: OpenSSL offers no encapsulation with given randomness
// to Node, as it should not. Decapsulation of the same ct is checked, and that the package's own X-Wing opens what ours
// seals and the other way round, so ours can't encapsulate otherwise than it decapsulates.
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import * as hpke from 'hpke';
import {
  assertKemPublicKey,
  hpkeOpen,
  hpkeSeal,
  KEM_ENC_BYTES,
  KEM_PUBLIC_KEY_BYTES,
  KEM_SEED_BYTES,
  kemKeyPair,
  openKem,
  randomBytes,
} from '../src/index.js';
import { aes256Gcm, hkdfSha256 } from '../src/hpke.js';
import { importXWingSeed, xWingKem } from '../src/x-wing.js';
import { anyBytes, flipped, hex, refusal } from './bytes.js';
import { dhkemP521Aes256, dhkemX25519Aes128, xWingHpkeVector } from './vectors/hpke.js';
import { xWingVectors } from './vectors/x-wing.js';

const webCryptoSuite = new hpke.CipherSuite(hpke.KEM_MLKEM768_X25519, hpke.KDF_HKDF_SHA256, hpke.AEAD_AES_256_GCM);

describe('X-Wing, draft-connolly-cfrg-xwing-kem-10 App. C', () => {
  test.each(xWingVectors)('public key of $seed', async ({ seed, pk }) => {
    const pair = await kemKeyPair(hex(seed));
    expect(pair.publicKey).toEqual(hex(pk));
    expect(pair.seed).toEqual(hex(seed));
  });

  test.each(xWingVectors)('decapsulation under $seed', async ({ seed, ct, ss }) => {
    const secret = await xWingKem().Decap(hex(ct), importXWingSeed(hex(seed)), undefined);
    expect(new Uint8Array(secret)).toEqual(hex(ss));
  });
});

describe('HPKE with published vectors', () => {
  /** Opens the vector's encryptions in turn. */
  async function openAll(
    suite: hpke.CipherSuite,
    privateKey: hpke.Key,
    vector: { info: string; enc: string; encryptions: { aad: string; pt: string; ct: string }[] },
  ) {
    const context = await suite.SetupRecipient(privateKey, hex(vector.enc), { info: hex(vector.info) });
    for (const { aad, pt, ct } of vector.encryptions)
      expect(new Uint8Array(await context.Open(hex(ct), hex(aad)))).toEqual(hex(pt));
    return context;
  }

  test('our KEM and KDF: draft-ietf-hpke-pq-03, X-Wing with HKDF-SHA256', async () => {
    const suite = new hpke.CipherSuite<hpke.Key>(
      xWingKem as hpke.KEMFactory, // the suite only hands our KEM the keys that our KEM made
      hkdfSha256,
      hpke.AEAD_ChaCha20Poly1305,
    );
    const { seed, pk, enc, sharedSecret } = xWingHpkeVector;
    expect((await kemKeyPair(hex(seed))).publicKey).toEqual(hex(pk));
    const privateKey = importXWingSeed(hex(seed));
    expect(new Uint8Array(await xWingKem().Decap(hex(enc), privateKey, undefined))).toEqual(hex(sharedSecret));
    const context = await openAll(suite, privateKey, xWingHpkeVector);
    for (const { context: exporter, length, value } of xWingHpkeVector.exports)
      expect(new Uint8Array(await context.Export(hex(exporter), length))).toEqual(hex(value));
  });

  test('our KDF: RFC 9180 A.1.1, DHKEM(X25519) with HKDF-SHA256', async () => {
    const suite = new hpke.CipherSuite(hpke.KEM_DHKEM_X25519_HKDF_SHA256, hkdfSha256, hpke.AEAD_AES_128_GCM);
    await openAll(suite, await suite.DeserializePrivateKey(hex(dhkemX25519Aes128.skRm)), dhkemX25519Aes128);
  });

  test('our AEAD: RFC 9180 A.6.1, DHKEM(P-521) with AES-256-GCM', async () => {
    const suite = new hpke.CipherSuite(hpke.KEM_DHKEM_P521_HKDF_SHA512, hpke.KDF_HKDF_SHA512, aes256Gcm);
    await openAll(suite, await suite.DeserializePrivateKey(hex(dhkemP521Aes256.skRm)), dhkemP521Aes256);
  });
});

describe("against the package's own X-Wing on WebCrypto", () => {
  const info = hex('01');
  const plaintext = hex('020304');

  test('it opens what we seal', async () => {
    const { publicKey, seed } = await kemKeyPair();
    const privateKey = await webCryptoSuite.DeserializePrivateKey(seed);
    const sealed = await hpkeSeal(publicKey, info, plaintext);
    const [enc, ciphertext] = [sealed.slice(0, KEM_ENC_BYTES), sealed.slice(KEM_ENC_BYTES)];
    expect(new Uint8Array(await webCryptoSuite.Open(privateKey, enc, ciphertext, { info }))).toEqual(plaintext);
  });

  test('we open what it seals, under the public key that it derives', async () => {
    const pair = await webCryptoSuite.GenerateKeyPair(true);
    const seed = await webCryptoSuite.SerializePrivateKey(pair.privateKey);
    expect((await kemKeyPair(seed)).publicKey).toEqual(await webCryptoSuite.SerializePublicKey(pair.publicKey));
    const { encapsulatedSecret, ciphertext } = await webCryptoSuite.Seal(pair.publicKey, plaintext, { info });
    expect(await hpkeOpen(seed, info, Buffer.concat([encapsulatedSecret, ciphertext]))).toEqual(plaintext);
  });
});

describe('hpkeSeal and hpkeOpen', () => {
  let publicKey: Uint8Array;
  let seed: Uint8Array;
  let sealed: Uint8Array;
  const info = hex('0102');
  const plaintext = randomBytes(32);

  beforeAll(async () => {
    ({ publicKey, seed } = await kemKeyPair());
    sealed = await hpkeSeal(publicKey, info, plaintext);
  });

  test('round trip for any info and plaintext, by seed and by opened key', async () => {
    await fc.assert(
      fc.asyncProperty(anyBytes(KEM_SEED_BYTES), anyBytes(), anyBytes(), async (seed, info, plaintext) => {
        const pair = await kemKeyPair(seed);
        const sealed = await hpkeSeal(pair.publicKey, info, plaintext);
        expect(sealed).toHaveLength(KEM_ENC_BYTES + plaintext.length + 16);
        expect(await hpkeOpen(seed, info, sealed)).toEqual(plaintext);
        expect(await hpkeOpen(await openKem(seed), info, sealed)).toEqual(plaintext);
      }),
      { numRuns: 30 },
    );
  });

  test('an opened key serves many opens, also after its seed is wiped', async () => {
    const pair = await kemKeyPair();
    const key = await openKem(pair.seed);
    pair.seed.fill(0);
    const values = Array.from({ length: 8 }, () => randomBytes(32));
    const opened = values.map(async (value) => hpkeOpen(key, info, await hpkeSeal(pair.publicKey, info, value)));
    expect(await Promise.all(opened)).toEqual(values);
  });

  test('two seals of one value differ, and two key pairs', async () => {
    expect(await hpkeSeal(publicKey, info, plaintext)).not.toEqual(sealed);
    expect((await kemKeyPair()).publicKey).not.toEqual(publicKey);
  });

  test("the caller's seed and the answer's are not one memory", async () => {
    const pair = await kemKeyPair(seed);
    pair.seed.fill(0);
    expect(await hpkeOpen(seed, info, sealed)).toEqual(plaintext);
  });

  test('answers are plain arrays', async () => {
    for (const bytes of [publicKey, seed, sealed, await hpkeOpen(seed, info, sealed)])
      expect(bytes.constructor).toBe(Uint8Array);
  });

  test('a flipped bit in each part, another info or key, too few bytes: decryption_failed, one message', async () => {
    const attempts: [Uint8Array, Uint8Array, Uint8Array][] = [
      [seed, info, flipped(sealed, 0)], // ML-KEM ciphertext: implicit rejection
      [seed, info, flipped(sealed, 1087)],
      [seed, info, flipped(sealed, 1088)], // X25519
      [seed, info, flipped(sealed, KEM_ENC_BYTES)], // ciphertext
      [seed, info, flipped(sealed, -1)], // tag
      [seed, flipped(info, 0), sealed],
      [flipped(seed, 0), info, sealed],
      [seed, info, sealed.subarray(0, -1)],
      [seed, info, sealed.subarray(0, KEM_ENC_BYTES + 15)],
      [seed, info, new Uint8Array()],
      [seed, info, sealed.slice().fill(0, 1088, KEM_ENC_BYTES)], // X25519 point of low order
    ];
    for (const [key, context, bytes] of attempts) {
      const failure = expect(hpkeOpen(key, context, bytes)).rejects;
      await failure.toMatchObject({ code: 'decryption_failed', message: 'the sealed value could not be opened' });
    }
  });

  test.each([0, 31, 33, 64])('a seed of %d bytes: key_invalid', async (length) => {
    const bad = new Uint8Array(length);
    await expect(kemKeyPair(bad)).rejects.toThrow(refusal('key_invalid'));
    await expect(openKem(bad)).rejects.toThrow(refusal('key_invalid'));
    await expect(hpkeOpen(bad, info, sealed)).rejects.toThrow(refusal('key_invalid'));
  });

  test.each([0, 32, KEM_PUBLIC_KEY_BYTES - 1, KEM_PUBLIC_KEY_BYTES + 1])(
    'a public key of %d bytes: key_invalid',
    async (length) => {
      await expect(hpkeSeal(new Uint8Array(length), info, plaintext)).rejects.toThrow(refusal('key_invalid'));
      await expect(hpkeSeal(new Uint8Array(length), info, plaintext)).rejects.toThrow('must be 1216 bytes');
      expect(() => assertKemPublicKey(new Uint8Array(length))).toThrow(refusal('key_invalid'));
      expect(() => assertKemPublicKey(new Uint8Array(length))).toThrow('must be 1216 bytes');
    },
  );

  test('a public key whose ML-KEM part is not reduced (FIPS 203 §7.2): key_invalid', async () => {
    const bad = publicKey.slice();
    bad.fill(0xff, 0, 3);
    await expect(hpkeSeal(bad, info, plaintext)).rejects.toThrow(refusal('key_invalid'));
    expect(() => assertKemPublicKey(bad)).toThrow(refusal('key_invalid'));
  });

  test('a public key whose X25519 part is of low order: key_invalid', async () => {
    const bad = publicKey.slice();
    bad.fill(0, 1184);
    await expect(hpkeSeal(bad, info, plaintext)).rejects.toThrow(refusal('key_invalid'));
    expect(() => assertKemPublicKey(bad)).toThrow(refusal('key_invalid'));
    expect(() => assertKemPublicKey(publicKey)).not.toThrow();
  });
});
