// SEC 2 "Recommended Elliptic Curve Domain Parameters" §2.4.1: order and base point of secp256k1, hex taken from there.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  addPoints,
  addScalars,
  assertPoint,
  scalarFromBytes,
  scalarFromWide,
  scalarToBytes,
  WIDE_SCALAR_BYTES,
  secp256k1,
} from '../src/index.js';
import { anyBytes, anyScalar, hex, refusal } from './bytes.js';

const q = hex('fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141');
const base = hex('0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798');
const one = scalarToBytes(secp256k1, 1n);
const zero = scalarToBytes(secp256k1, 0n);
const qMinus1 = scalarToBytes(secp256k1, secp256k1.scalarField.ORDER - 1n);

/** The point with the other y. */
function negated(point: Uint8Array): Uint8Array {
  return Uint8Array.from(point, (byte, at) => (at === 0 ? byte ^ 1 : byte));
}

describe('scalars', () => {
  test('the order is that of SEC 2', () => {
    expect(secp256k1.scalarField.ORDER).toBe(BigInt(`0x${Buffer.from(q).toString('hex')}`));
  });

  test('bytes to scalar and back', () => {
    fc.assert(
      fc.property(anyScalar(), (bytes) =>
        expect(scalarToBytes(secp256k1, scalarFromBytes(secp256k1, bytes))).toEqual(bytes),
      ),
    );
    expect(scalarFromBytes(secp256k1, zero)).toBe(0n);
    expect(scalarFromBytes(secp256k1, qMinus1)).toBe(secp256k1.scalarField.ORDER - 1n);
  });

  test('q and above, and other sizes: scalar_invalid', () => {
    for (const bad of [q, new Uint8Array(32).fill(0xff), new Uint8Array(31), new Uint8Array(33), new Uint8Array()]) {
      expect(() => scalarFromBytes(secp256k1, bad)).toThrow(refusal('scalar_invalid'));
      expect(() => secp256k1.publicPoint(bad)).toThrow(refusal('scalar_invalid'));
      expect(() => addScalars(secp256k1, one, bad)).toThrow(refusal('scalar_invalid'));
    }
    for (const length of [0, 31, 33])
      expect(() => secp256k1.publicPoint(new Uint8Array(length))).toThrow('must be 32 bytes');
    for (const bad of [-1n, secp256k1.scalarField.ORDER, 2n ** 256n])
      expect(() => scalarToBytes(secp256k1, bad)).toThrow(refusal('scalar_invalid'));
  });

  test('0 where a secret must not be 0: scalar_invalid', () => {
    expect(() => secp256k1.publicPoint(zero)).toThrow(refusal('scalar_invalid'));
  });

  test('sums wrap at q', () => {
    expect(addScalars(secp256k1, qMinus1, one)).toEqual(zero);
    expect(addScalars(secp256k1, qMinus1, one, one)).toEqual(one);
    expect(addScalars(secp256k1)).toEqual(zero);
  });

  test('48 bytes are reduced as a big-endian integer', () => {
    const wide = new Uint8Array(WIDE_SCALAR_BYTES);
    wide.set(q, 16);
    expect(scalarFromWide(secp256k1, wide)).toBe(0n);
    wide[47] = 0x43;
    expect(scalarFromWide(secp256k1, wide)).toBe(2n);
    fc.assert(
      fc.property(anyBytes(WIDE_SCALAR_BYTES), (bytes) =>
        expect(scalarFromWide(secp256k1, bytes)).toBe(
          BigInt(`0x${Buffer.from(bytes).toString('hex')}`) % secp256k1.scalarField.ORDER,
        ),
      ),
    );
    for (const length of [0, 32, 47, 49])
      expect(() => scalarFromWide(secp256k1, new Uint8Array(length))).toThrow(refusal('scalar_invalid'));
  });
});

describe('points', () => {
  test('1·G is the base point of SEC 2, (q - 1)·G its negative', () => {
    expect(secp256k1.publicPoint(one)).toEqual(base);
    expect(secp256k1.publicPoint(qMinus1)).toEqual(negated(base));
  });

  test('a sum of points is the point of the sum', () => {
    fc.assert(
      fc.property(fc.array(anyScalar(), { minLength: 1, maxLength: 5 }), (scalars) => {
        expect(addPoints(secp256k1, ...scalars.map((each) => secp256k1.publicPoint(each)))).toEqual(
          secp256k1.publicPoint(addScalars(secp256k1, ...scalars)),
        );
      }),
      { numRuns: 30 },
    );
  });

  test('the identity on the way to a sum is no fault, as its end it is point_invalid', () => {
    const two = secp256k1.publicPoint(scalarToBytes(secp256k1, 2n));
    expect(addPoints(secp256k1, base, negated(base), two)).toEqual(two);
    expect(addPoints(secp256k1, two, base, negated(base))).toEqual(two);
    expect(() => addPoints(secp256k1, base, negated(base))).toThrow(refusal('point_invalid'));
    expect(() => addPoints(secp256k1)).toThrow(refusal('point_invalid'));
  });

  const p = 2n ** 256n - 2n ** 32n - 977n;
  const x = (value: bigint, prefix = '02') => hex(prefix + value.toString(16).padStart(64, '0'));
  const notPoints: [string, Uint8Array][] = [
    ['x is not on the curve', x(5n)],
    ['x is p', x(p)],
    ['x is p + 1, and 1 is on the curve', x(p + 1n)],
    ['x is 2^256 - 1', new Uint8Array(secp256k1.pointBytes).fill(0xff).fill(2, 0, 1)],
    ...['00', '01', '04', '05', '06', '07', 'ff'].map((prefix): [string, Uint8Array] => [
      `prefix ${prefix}`,
      x(1n, prefix),
    ]),
    ['all zeros', new Uint8Array(secp256k1.pointBytes)],
    ['the identity of SEC 1', hex('00')],
    ['no bytes', hex('')],
    ['x alone', base.subarray(1)],
    ['a byte too many', Buffer.concat([base, hex('00')])],
    [
      'uncompressed',
      hex(`04${'79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'}
      483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8`),
    ],
  ];

  test('the point with x = 1, next to which some of those stand, is one', () => {
    expect(() => assertPoint(secp256k1, x(1n))).not.toThrow();
    expect(() => assertPoint(secp256k1, base)).not.toThrow();
  });

  test.each(notPoints)('%s: point_invalid', (_, bad) => {
    expect(() => assertPoint(secp256k1, bad)).toThrow(refusal('point_invalid'));
    expect(() => addPoints(secp256k1, base, bad)).toThrow(refusal('point_invalid'));
    expect(secp256k1.popVerify(bad, new Uint8Array(32), new Uint8Array(64))).toBe(false);
  });

  test('ten thousand bad points leave everything working', () => {
    // tiny-secp256k1 dies for ever of three thousand; see affine.ts.
    const digest = new Uint8Array(32);
    const pop = secp256k1.popSign(one, digest);
    for (let round = 0; round < 10_000; round++) {
      const bad = x(5n + (BigInt(round) << 200n));
      try {
        addPoints(secp256k1, bad, base);
      } catch {
        // half of them are points
      }
      secp256k1.popVerify(bad, digest, pop);
    }
    expect(secp256k1.publicPoint(one)).toEqual(base);
    expect(secp256k1.popVerify(base, digest, pop)).toBe(true);
    expect(addPoints(secp256k1, base, base)).toEqual(secp256k1.publicPoint(scalarToBytes(secp256k1, 2n)));
  });

  test('answers are plain arrays', () => {
    for (const bytes of [
      secp256k1.publicPoint(one),
      addPoints(secp256k1, base, base),
      addPoints(secp256k1, base),
      scalarToBytes(secp256k1, 1n),
    ])
      expect(bytes.constructor).toBe(Uint8Array);
  });
});
