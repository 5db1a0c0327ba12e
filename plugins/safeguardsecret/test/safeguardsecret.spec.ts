import { beforeAll, describe, expect, test } from '@jest/globals';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { createCipheriv } from 'node:crypto';
import { AEAD_ChaCha20Poly1305, CipherSuite, KDF_HKDF_SHA256 } from 'hpke';
import { dhkemSecp256k1, encapTo, privateKeyOf, publicKeyOf } from '../src/dhkem-secp256k1.js';
import safeguardsecret from '../src/index.js';
import { open, seal, type Sealed } from '../src/seal.js';
import { kemVectors } from './vectors/dhkem-secp256k1.js';

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (value: Uint8Array) => Buffer.from(value).toString('hex');

describe('DHKEM(secp256k1, HKDF-SHA256), published vectors', () => {
  const kem = dhkemSecp256k1();

  test.each(kemVectors)('key pairs, enc and shared secret ($info)', async (vector) => {
    const [ephemeral, recipient] = await Promise.all(
      [vector.ikmE, vector.ikmR].map((ikm) => kem.DeriveKeyPair(bytes(ikm), true)),
    );
    const halves = [ephemeral, recipient].map((pair) => [
      hex(pair?.privateKey.scalar ?? bytes('')),
      hex(pair?.publicKey.point ?? bytes('')),
    ]);
    expect(halves).toEqual([
      [vector.skEm, vector.pkEm],
      [vector.skRm, vector.pkRm],
    ]);
    const { enc, shared_secret: shared } = encapTo(publicKeyOf(bytes(vector.pkRm)), bytes(vector.skEm));
    expect([hex(enc), hex(shared)]).toEqual([vector.pkEm, vector.sharedSecret]);
    const recipientKey = privateKeyOf(bytes(vector.skRm));
    expect(hex(await kem.Decap(bytes(vector.pkEm), recipientKey, undefined))).toBe(vector.sharedSecret);
  });

  test.each(kemVectors)('the key and nonce that HPKE makes of it ($info)', async (vector) => {
    const message = Buffer.from('under the published key and nonce');
    const cipher = createCipheriv('chacha20-poly1305', bytes(vector.key), bytes(vector.baseNonce), {
      authTagLength: 16,
    });
    const sealed = Buffer.concat([cipher.update(message), cipher.final(), cipher.getAuthTag()]);
    const suite = new CipherSuite(dhkemSecp256k1, KDF_HKDF_SHA256, AEAD_ChaCha20Poly1305);
    const [recipient, enc] = [privateKeyOf(bytes(vector.skRm)), bytes(vector.pkEm)];
    expect(Buffer.from(await suite.Open(recipient, enc, sealed, { info: bytes(vector.info) }))).toEqual(message);
  });
});

describe('what is sealed to a key', () => {
  const secret = secp256k1.utils.randomSecretKey();
  const reference = new Uint8Array(36).fill(1);
  const plaintext = Buffer.from('the combination is 12-34-56');
  let sealed: Sealed;
  beforeAll(async () => {
    sealed = await seal(secp256k1.getPublicKey(secret), reference, plaintext);
  });

  test('opens with its private key, and is sealed anew each time', async () => {
    expect(Buffer.from(await open(secret, reference, sealed))).toEqual(plaintext);
    const again = await seal(secp256k1.getPublicKey(secret), reference, plaintext);
    for (const part of ['cypherText', 'v', 't'] as const) expect(again[part]).not.toBe(sealed[part]);
  });

  test.each(['cypherText', 'v', 't'] as const)('never opens with any byte of %s changed', async (part) => {
    const value = bytes(sealed[part]);
    for (let at = 0; at < value.length; at += 1) {
      const changed = value.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      await expect(open(secret, reference, { ...sealed, [part]: hex(changed) })).rejects.toThrow();
    }
  });

  test.each(['cypherText', 'v', 't'] as const)(
    'never opens with %s of another, shortened or lengthened',
    async (part) => {
      const other = await seal(secp256k1.getPublicKey(secret), reference, Buffer.from('another secret of that size'));
      for (const value of [other[part], sealed[part].slice(2), `${sealed[part]}00`, '']) {
        await expect(open(secret, reference, { ...sealed, [part]: value })).rejects.toThrow();
      }
    },
  );

  test('never opens for another order or with another key', async () => {
    await expect(open(secret, new Uint8Array(36).fill(2), sealed)).rejects.toThrow();
    await expect(open(secp256k1.utils.randomSecretKey(), reference, sealed)).rejects.toThrow();
  });

  test('never opens with the negated v, whose shared x-coordinate is the same', async () => {
    const negated = secp256k1.Point.fromHex(sealed.v).negate().toHex(false);
    await expect(open(secret, reference, { ...sealed, v: negated })).rejects.toThrow();
  });

  test('is refused to what is no point of the curve', async () => {
    await expect(seal(new Uint8Array(33).fill(2, 0, 1).fill(5, 1), reference, plaintext)).rejects.toThrow();
  });
});

describe('the plugin', () => {
  const secret = secp256k1.utils.randomSecretKey();
  const facts = {
    orderReference: 'bafy',
    orderReferenceBytes: new Uint8Array(36).fill(3),
    commitment: secp256k1.getPublicKey(secret),
  };

  /** An order and its redemption, hook by hook as a node runs them. */
  async function roundTrip(extension: { plainText: string; encoding?: 'utf8' | 'base64' }) {
    const order = safeguardsecret.schemas.order.parse(extension);
    await safeguardsecret.validateOrder?.(order);
    const { request, held = new Uint8Array() } = (await safeguardsecret.extendRequest?.(order)) ?? { request: {} };
    const placed = await safeguardsecret.answerOrder?.({ ...facts, request, held });
    const redemption = safeguardsecret.schemas.redemption.parse(placed);
    const redeemed = await safeguardsecret.answerRedemption?.({ ...facts, request, redemption, secret });
    return { request, placed: safeguardsecret.schemas.placed.parse(placed), redeemed };
  }

  test.each([
    [{ plainText: 'ein Geheimnis: ☃ 🗝' }],
    [{ plainText: '' }],
    [{ plainText: 'é'.repeat(32 * 1024) }],
    [{ plainText: Buffer.from([0, 255, 128, 10]).toString('base64'), encoding: 'base64' as const }],
    [{ plainText: Buffer.alloc(64 * 1024, 7).toString('base64'), encoding: 'base64' as const }],
  ])('gives back what it was given (%#)', async (extension) => {
    const { request, placed, redeemed } = await roundTrip(extension);
    expect(redeemed).toEqual(extension);
    expect(JSON.stringify(request)).toBe('encoding' in extension ? '{"encoding":"base64"}' : '{}');
    const size = Buffer.byteLength(extension.plainText, 'encoding' in extension ? 'base64' : 'utf8');
    expect(placed.cypherText).toHaveLength(2 * size);
  });

  test.each([
    ['more than 64 KiB of text', { plainText: `${'é'.repeat(32 * 1024)}x` }],
    [
      'more than 64 KiB of bytes',
      { plainText: Buffer.alloc(64 * 1024 + 1).toString('base64'), encoding: 'base64' as const },
    ],
    ['half a surrogate pair, which would come back as another text', { plainText: 'x\ud800' }],
    ['what is no base64', { plainText: 'not base64!', encoding: 'base64' as const }],
    ['base64 without padding', { plainText: 'AA', encoding: 'base64' as const }],
  ])('refuses %s', async (_, extension) => {
    await expect(roundTrip(extension)).rejects.toMatchObject({ code: 'plugin_refused' });
  });

  test('gives nothing without cypherText, and refuses one that was changed', async () => {
    const { placed } = await roundTrip({ plainText: 'x' });
    const redeem = (redemption: object) =>
      safeguardsecret.answerRedemption?.({
        ...{ ...facts, request: {}, secret },
        redemption: safeguardsecret.schemas.redemption.parse(redemption),
      });
    expect(await redeem({})).toEqual({});
    await expect(redeem({ ...placed, t: '00'.repeat(16) })).rejects.toMatchObject({ code: 'plugin_refused' });
    for (const partial of [{ v: placed.v }, { ...placed, t: 'zz' }, { ...placed, more: 1 }]) {
      expect(safeguardsecret.schemas.redemption.safeParse(partial).success).toBe(false);
    }
  });
});
