import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ascii, bytesEqual, concat, fromHex, lengthPrefixed, toHex, u32, u64 } from '@dta/codec';
import { refusal } from './refusal.js';

const anyBytes = fc.uint8Array({ maxLength: 100 });

test('concat joins copies', () => {
  const a = Uint8Array.of(1, 2);
  const joined = concat(a, new Uint8Array(), Uint8Array.of(3));
  a.fill(0);
  expect(joined).toEqual(Uint8Array.of(1, 2, 3));
  expect(concat()).toEqual(new Uint8Array());
});

test('bytesEqual tells any two byte strings apart', () => {
  fc.assert(fc.property(anyBytes, anyBytes, (a, b) => bytesEqual(a, b) === (toHex(a) === toHex(b))));
  fc.assert(fc.property(anyBytes, (a) => bytesEqual(a, a.slice()) && !bytesEqual(a, concat(a, Uint8Array.of(0)))));
});

test('ascii has no terminator', () => {
  expect(ascii('DTA-ENV1')).toEqual(Uint8Array.of(0x44, 0x54, 0x41, 0x2d, 0x45, 0x4e, 0x56, 0x31));
});

describe('u32 and u64', () => {
  test('are big-endian', () => {
    expect(toHex(u32(0x01020304))).toBe('01020304');
    expect(toHex(u32(0xffffffff))).toBe('ffffffff');
    expect([toHex(u32(0)), toHex(u64(0))]).toEqual(['00000000', '0000000000000000']);
    expect(toHex(u64(0x01020304))).toBe('0000000001020304');
    expect(toHex(u64(Number.MAX_SAFE_INTEGER))).toBe('001fffffffffffff');
  });

  test.each([-1, 0.5, NaN, 2 ** 32, Infinity])('u32 refuses %d', (value) => {
    expect(() => u32(value)).toThrow(RangeError);
  });

  test.each([-1, 0.5, NaN, 2 ** 53, Infinity])('u64 refuses %d', (value) => {
    expect(() => u64(value)).toThrow(RangeError);
  });
});

test('lengthPrefixed is u32(length) ‖ bytes', () => {
  expect(toHex(lengthPrefixed(Uint8Array.of(0xab, 0xcd)))).toBe('00000002abcd');
  expect(toHex(lengthPrefixed(new Uint8Array()))).toBe('00000000');
});

describe('hex', () => {
  test('is read as it was written', () => {
    fc.assert(fc.property(anyBytes, (bytes) => bytesEqual(fromHex(toHex(bytes)), bytes)));
    expect(toHex(Uint8Array.of(0, 0xff, 0x1a).subarray(1))).toBe('ff1a');
  });

  test.each(['A0', 'aF', 'a', '0x00', 'zz', ' 00', '00\n', '0０'])('refuses %p', (text) => {
    expect(() => fromHex(text)).toThrow(refusal('document_invalid'));
  });
});
