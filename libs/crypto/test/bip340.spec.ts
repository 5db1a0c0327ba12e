// BIP-340 test-vectors.csv, in vectors/bip340.ts; its origin is named there. A proof of possession is always over a
// digest of 32 bytes, so rows 15 to 18, with messages of other sizes, are refused here, valid or not.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { popSign } from '../src/groups/bip340.js';
import { randomBytes, scalarToBytes, secp256k1 } from '../src/index.js';
import { anyBytes, anyScalar, flipped, hex, refusal } from './bytes.js';
import { bip340Vectors } from './vectors/bip340.js';

/** Both points with that x. */
function pointsOf(publicKey: string): Uint8Array[] {
  return ['02', '03'].map((prefix) => hex(prefix + publicKey));
}

const digests = bip340Vectors.filter(({ message }) => message.length === 64);
const others = bip340Vectors.filter(({ message }) => message.length !== 64);

test('the vectors are all there', () => {
  expect(bip340Vectors.map(({ index }) => index)).toEqual(Array.from({ length: 19 }, (_, index) => index));
  expect(others.map(({ index }) => index)).toEqual([15, 16, 17, 18]);
});

describe('BIP-340', () => {
  test.each(digests)('row $index verifies as it says $comment', ({ publicKey, message, signature, valid }) => {
    for (const point of pointsOf(publicKey))
      expect(secp256k1.popVerify(point, hex(message), hex(signature))).toBe(valid);
  });

  test.each(digests.filter(({ secretKey }) => secretKey !== null))('row $index signs', (row) => {
    const { secretKey, auxiliary, message, signature, publicKey } = row;
    const scalar = hex(secretKey ?? '');
    expect(popSign(scalar, hex(message), hex(auxiliary ?? ''))).toEqual(hex(signature));
    expect(secp256k1.publicPoint(scalar).subarray(1)).toEqual(hex(publicKey));
  });

  test.each(others)('row $index is refused for its size ($comment)', (row) => {
    const { secretKey, auxiliary, message, signature, publicKey } = row;
    expect(() => popSign(hex(secretKey ?? ''), hex(message), hex(auxiliary ?? ''))).toThrow(
      refusal('signature_invalid'),
    );
    for (const point of pointsOf(publicKey))
      expect(secp256k1.popVerify(point, hex(message), hex(signature))).toBe(false);
  });
});

describe('proofs of possession', () => {
  test('round trip, and for no other digest, point or proof', () => {
    fc.assert(
      fc.property(anyScalar(), anyBytes(32), (scalar, digest) => {
        const point = secp256k1.publicPoint(scalar);
        const pop = secp256k1.popSign(scalar, digest);
        expect(secp256k1.popVerify(point, digest, pop)).toBe(true);
        expect(secp256k1.popVerify(flipped(point, 0), digest, pop)).toBe(true); // blind to parity, as it says
        expect(secp256k1.popVerify(point, flipped(digest, 31), pop)).toBe(false);
        expect(secp256k1.popVerify(secp256k1.publicPoint(randomBytes(32).fill(0, 0, 1)), digest, pop)).toBe(false);
        expect(secp256k1.popVerify(point, digest, flipped(pop, 0))).toBe(false);
        expect(secp256k1.popVerify(point, digest, flipped(pop, 63))).toBe(false);
      }),
      { numRuns: 20 },
    );
  });

  test('fresh randomness: two proofs of one thing differ', () => {
    const scalar = scalarToBytes(secp256k1, 7n);
    expect(secp256k1.popSign(scalar, new Uint8Array(32))).not.toEqual(secp256k1.popSign(scalar, new Uint8Array(32)));
  });

  test('a scalar that is 0, q or of another size: scalar_invalid', () => {
    const q = hex(secp256k1.scalarField.ORDER.toString(16));
    for (const bad of [new Uint8Array(32), q, new Uint8Array(31), new Uint8Array(33)])
      expect(() => secp256k1.popSign(bad, new Uint8Array(32))).toThrow(refusal('scalar_invalid'));
  });

  test.each([0, 31, 33])('a digest or randomness of %d bytes', (length) => {
    const [scalar, bad] = [scalarToBytes(secp256k1, 7n), new Uint8Array(length)];
    expect(() => secp256k1.popSign(scalar, bad)).toThrow(refusal('signature_invalid'));
    expect(() => popSign(scalar, new Uint8Array(32), bad)).toThrow(refusal('signature_invalid'));
    expect(secp256k1.popVerify(secp256k1.publicPoint(scalar), bad, new Uint8Array(64))).toBe(false);
  });

  test('a proof of another size, or with S of q or more, is not valid', () => {
    const [scalar, digest] = [scalarToBytes(secp256k1, 7n), new Uint8Array(32)];
    const pop = secp256k1.popSign(scalar, digest);
    for (const bad of [pop.subarray(0, 63), Buffer.concat([pop, hex('00')]), hex(''), pop.slice().fill(0xff, 32)])
      expect(secp256k1.popVerify(secp256k1.publicPoint(scalar), digest, bad)).toBe(false);
  });

  test('answers are plain arrays', () => {
    expect(secp256k1.popSign(scalarToBytes(secp256k1, 7n), new Uint8Array(32)).constructor).toBe(Uint8Array);
  });
});
