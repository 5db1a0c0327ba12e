// RFC 8032 §7.1 and the edge cases of "Taming the many EdDSAs", in vectors/ed25519.ts; origins are named there. The
// points of small order are the multiples of one of these edge cases' keys.
import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ed25519 } from '@noble/curves/ed25519.js';
import {
  assertEd25519PublicKey,
  ed25519PublicKey,
  ed25519Sign,
  ed25519Verify,
  openEd25519,
  randomBytes,
} from '../src/index.js';
import { anyBytes, flipped, hex, refusal } from './bytes.js';
import { ed25519EdgeCases, rfc8032Vectors } from './vectors/ed25519.js';

const order = ed25519.Point.Fn.ORDER;
const prime = 2n ** 255n - 19n;

/** 32 bytes, little-endian. */
function littleEndian(value: bigint): Uint8Array {
  return hex(value.toString(16).padStart(64, '0')).reverse();
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

const isAdmitted = (publicKey: Uint8Array) => {
  try {
    assertEd25519PublicKey(publicKey);
    return true;
  } catch {
    return false;
  }
};

describe('RFC 8032 §7.1', () => {
  test.each(rfc8032Vectors)('$name', ({ seed, publicKey, message, signature }) => {
    expect(ed25519PublicKey(hex(seed))).toEqual(hex(publicKey));
    expect(ed25519Sign(hex(seed), hex(message))).toEqual(hex(signature));
    expect(ed25519Sign(openEd25519(hex(seed)), hex(message))).toEqual(hex(signature));
    expect(ed25519Verify(hex(publicKey), hex(message), hex(signature))).toBe(true);
    expect(isAdmitted(hex(publicKey))).toBe(true);
  });
});

describe('"Taming the many EdDSAs"', () => {
  // In cases 0, 1, 2 and 11 the equation holds without cofactor, by a key that is not admitted; Node refuses them since
  // nodejs/node#64026 and took them before. Case 3 shows that the key check is needed, all others fail by themselves.
  const equationHolds = [0, 1, 2, 11];

  test.each(ed25519EdgeCases.filter(({ index }) => !equationHolds.includes(index)))(
    'case $index ($comment)',
    ({ index, message, publicKey, signature }) => {
      expect(ed25519Verify(hex(publicKey), hex(message), hex(signature))).toBe(index === 3);
    },
  );

  test.each(ed25519EdgeCases)('case $index: admitted only if A has order L', ({ orderOfA, publicKey }) => {
    expect(isAdmitted(hex(publicKey))).toBe(orderOfA === 'L');
  });

  test.each(ed25519EdgeCases)('case $index: no edge case is valid under an admitted key', (edge) => {
    const { message, publicKey, signature } = edge;
    const accepted = isAdmitted(hex(publicKey)) && ed25519Verify(hex(publicKey), hex(message), hex(signature));
    expect(accepted).toBe(false);
  });
});

describe('torsion and malleability under an admitted key', () => {
  const seed = randomBytes(32);
  const publicKey = ed25519PublicKey(seed);
  const message = hex('000102');
  const { scalar } = ed25519.utils.getExtendedPublicKey(seed);
  // A point of order 8: the component that a point of mixed order has beside its own of order L.
  const ofOrder8 = ed25519.Point.fromBytes(hex(ed25519EdgeCases[0]?.publicKey ?? ''), false);

  test('the torsion point used here has order 8', () => {
    expect(ofOrder8.clearCofactor().is0()).toBe(true);
    expect(ofOrder8.double().double().is0()).toBe(false);
  });

  test('torsion in R: [8]-equations hold, ours must not', () => {
    const nonce = 12345n;
    const r = ed25519.Point.BASE.multiply(nonce).add(ofOrder8).toBytes();
    const k = fromLittleEndian(createHash('sha512').update(r).update(publicKey).update(message).digest());
    const s = littleEndian((nonce + k * scalar) % order);
    const signature = Buffer.concat([r, s]);
    expect(ed25519.verify(signature, message, publicKey)).toBe(true); // cofactored, as noble is
    expect(ed25519Verify(publicKey, message, signature)).toBe(false);
  });

  test('R is the identity: the equation holds, whatever Node says', () => {
    const r = ed25519.Point.ZERO.toBytes();
    const k = fromLittleEndian(createHash('sha512').update(r).update(publicKey).update(message).digest());
    const signature = Buffer.concat([r, littleEndian((k * scalar) % order)]);
    expect(ed25519.verify(signature, message, publicKey)).toBe(true);
    expect(ed25519Verify(publicKey, message, signature)).toBe(false);
  });

  test('S + L', () => {
    const signature = ed25519Sign(seed, message);
    expect(ed25519Verify(publicKey, message, signature)).toBe(true);
    const s = littleEndian(fromLittleEndian(signature.subarray(32)) + order);
    expect(ed25519Verify(publicKey, message, Buffer.concat([signature.subarray(0, 32), s]))).toBe(false);
  });

  test('A of mixed order is not admitted', () => {
    const mixed = ed25519.Point.fromBytes(publicKey).add(ofOrder8).toBytes();
    expect(() => assertEd25519PublicKey(mixed)).toThrow(refusal('key_invalid'));
  });

  test('A of small order is not admitted, in none of its encodings', () => {
    let point = ed25519.Point.ZERO;
    for (let multiple = 0; multiple < 8; multiple++, point = point.add(ofOrder8)) {
      const bytes = point.toBytes();
      const otherSign = Uint8Array.from(bytes, (byte, at) => (at === 31 ? byte ^ 0x80 : byte));
      for (const encoding of [bytes, otherSign])
        expect(() => assertEd25519PublicKey(encoding)).toThrow(refusal('key_invalid'));
    }
  });

  test('A that is not canonical is not admitted: every y from p to 2^255 - 1, with either sign', () => {
    for (let y = prime; y < 2n ** 255n; y++)
      for (const encoding of [littleEndian(y), littleEndian(y + 2n ** 255n)])
        expect(() => assertEd25519PublicKey(encoding)).toThrow(refusal('key_invalid'));
  });

  test('A that is not on the curve is not admitted', () => {
    expect(() => assertEd25519PublicKey(littleEndian(2n))).toThrow(refusal('key_invalid'));
  });
});

describe('sign and verify', () => {
  test('round trip, and no other message, key or signature', () => {
    fc.assert(
      fc.property(anyBytes(32), anyBytes(), (seed, message) => {
        const publicKey = ed25519PublicKey(seed);
        const signature = ed25519Sign(seed, message);
        expect(isAdmitted(publicKey)).toBe(true);
        expect(ed25519Verify(publicKey, message, signature)).toBe(true);
        expect(ed25519Verify(publicKey, Buffer.concat([message, hex('00')]), signature)).toBe(false);
        expect(ed25519Verify(flipped(publicKey, 0), message, signature)).toBe(false);
        expect(ed25519Verify(publicKey, message, flipped(signature, 0))).toBe(false);
        expect(ed25519Verify(publicKey, message, flipped(signature, 32))).toBe(false);
      }),
      { numRuns: 30 },
    );
  });

  test('more keys than are remembered', () => {
    const message = hex('01');
    const signed = Array.from({ length: 300 }, () => {
      const seed = randomBytes(32);
      return { publicKey: ed25519PublicKey(seed), signature: ed25519Sign(seed, message) };
    });
    for (const round of [0, 1])
      for (const { publicKey, signature } of signed)
        expect([round, ed25519Verify(publicKey, message, signature)]).toEqual([round, true]);
  });

  test('a key or signature of another size is not valid', () => {
    const seed = randomBytes(32);
    const [publicKey, signature] = [ed25519PublicKey(seed), ed25519Sign(seed, hex(''))];
    for (const length of [0, 31]) expect(ed25519Verify(publicKey.subarray(0, length), hex(''), signature)).toBe(false);
    for (const length of [0, 63]) expect(ed25519Verify(publicKey, hex(''), signature.subarray(0, length))).toBe(false);
    expect(ed25519Verify(publicKey, hex(''), Buffer.concat([signature, hex('00')]))).toBe(false);
  });

  test.each([0, 31, 33])('a seed or key of %d bytes: key_invalid', (length) => {
    const bad = new Uint8Array(length);
    expect(() => openEd25519(bad)).toThrow(refusal('key_invalid'));
    expect(() => ed25519PublicKey(bad)).toThrow(refusal('key_invalid'));
    expect(() => ed25519Sign(bad, hex(''))).toThrow(refusal('key_invalid'));
    expect(() => assertEd25519PublicKey(bad)).toThrow(refusal('key_invalid'));
    expect(() => assertEd25519PublicKey(bad)).toThrow('must be 32 bytes');
  });

  test('answers are plain arrays', () => {
    const seed = randomBytes(32);
    for (const bytes of [ed25519PublicKey(seed), ed25519Sign(seed, hex(''))])
      expect(bytes.constructor).toBe(Uint8Array);
  });
});
