// Values: TestPad of github.com/dedis/purb, purb/padding_test.go (commit 35af509), the PURBs authors' implementation.
// Everything else is held against Algorithm 1 of the paper, written a second time below on integers alone.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { concat, padme, padToPadme, u32, unpadPadme } from '@dta/codec';
import { refusal } from './refusal.js';

/** Nikitin et al., PoPETs 2019, Algorithm 1: E = ⌊log2 L⌋, S = ⌊log2 E⌋ + 1, the last E − S bits are zeros. */
function algorithm1(length: bigint): bigint {
  const exponent = BigInt(length.toString(2).length - 1);
  const mantissaBits = BigInt(exponent.toString(2).length);
  const mask = exponent > mantissaBits ? (1n << (exponent - mantissaBits)) - 1n : 0n;
  return (length + mask) & ~mask;
}

describe('Padmé', () => {
  test.each([
    [67, 72],
    [74, 80],
  ])('%d bytes become %d, as dedis/purb has it', (length, padded) => {
    expect(padme(length)).toBe(padded);
  });

  test.each([0, 1, 2, 3, 8, 10, 256, 65_536, 262_144])('leaves %d as it is', (length) => {
    expect(padme(length)).toBe(length);
  });

  test('is Algorithm 1 for every length up to twice the largest envelope', () => {
    const wrong = Array.from({ length: 2 ** 19 }, (_, i) => i + 2).filter(
      (l) => BigInt(padme(l)) !== algorithm1(BigInt(l)),
    );
    expect(wrong).toEqual([]);
  });

  test('is Algorithm 1 beside every power of two up to 2^48', () => {
    for (let exponent = 1; exponent <= 48; exponent++) {
      for (const length of [2 ** exponent - 1, 2 ** exponent, 2 ** exponent + 1]) {
        if (length >= 2) expect([length, BigInt(padme(length))]).toEqual([length, algorithm1(BigInt(length))]);
      }
    }
  });

  test('adds at most 12 %, never takes away, and is its own padding', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (length) => {
        const padded = padme(length);
        return padded >= length && padded <= length * 1.12 && padme(padded) === padded;
      }),
    );
  });
});

describe('padding', () => {
  test('is u32(length) ‖ message ‖ zeros', () => {
    expect(padToPadme(Uint8Array.of(7, 8))).toEqual(concat(u32(2), Uint8Array.of(7, 8), new Uint8Array(250)));
    expect(padToPadme(new Uint8Array())).toEqual(new Uint8Array(256));
  });

  test.each([
    [0, 256],
    [252, 256],
    [253, 272],
    [268, 272],
    [269, 288],
    [988, 992],
    [989, 1_024],
  ])('%d bytes become %d', (length, padded) => {
    expect(padToPadme(new Uint8Array(length))).toHaveLength(padded);
  });

  test('comes off as it went on', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3_000 }), (message) => {
        expect(unpadPadme(padToPadme(message))).toEqual(message);
      }),
    );
  });

  test.each([252, 268, 988])('comes off where there is no filling: %d bytes', (length) => {
    const message = new Uint8Array(length).fill(1);
    expect(unpadPadme(padToPadme(message))).toEqual(message);
  });

  const padded = padToPadme(new Uint8Array(306).fill(1));
  const patched = (at: number, value: number) => padded.map((byte, i) => (i === at ? value : byte));
  test.each([
    ['nothing', new Uint8Array()],
    ['less than the smallest', padToPadme(new Uint8Array()).subarray(1)],
    ['a filling that is not zeros', patched(padded.length - 1, 1)],
    ['a filling that is not zeros at its start', patched(310, 1)],
    ['a length that runs past the end', patched(3, 0xff)],
    ['a length near 2^32', patched(0, 0xff)],
    ['a length that is less than the message', concat(u32(200), padded.subarray(4))],
    ['a zero more', concat(padded, new Uint8Array(1))],
    ['a zero less', padded.subarray(0, -1)],
    ['the next size', concat(padded, new Uint8Array(padme(padded.length + 1) - padded.length))],
    ['twice the smallest', new Uint8Array(512)],
  ])('refuses %s', (_name, bytes) => {
    expect(() => unpadPadme(bytes)).toThrow(refusal('envelope_invalid'));
  });
});
