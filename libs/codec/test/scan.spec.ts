import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isDtaError } from '@dta/errors';
import * as dagCbor from '@ipld/dag-cbor';
import fc from 'fast-check';
import {
  cidOf,
  cidToLink,
  concat,
  decodeCanonical,
  DOCUMENT_LIMITS,
  encodeCanonical,
  fromHex,
  toHex,
} from '@dta/codec';
import { scanCanonical } from '../src/scan.js';
import { refusal } from './refusal.js';

const MAX = 1024 * 1024;

/** What a library and our encoder make of bytes: the rule that the scan stands for, by another way. */
function byEncodingAgain(bytes: Uint8Array): { value: unknown } | null {
  try {
    const value: unknown = dagCbor.decode(bytes);
    return toHex(encodeCanonical(value)) === toHex(bytes) ? { value } : null;
  } catch {
    return null;
  }
}

function byScan(bytes: Uint8Array): { value: unknown } | null {
  try {
    return { value: decodeCanonical(bytes, MAX) };
  } catch (error) {
    if (!isDtaError(error, 'non_canonical', 'too_large')) throw error;
    return null;
  }
}

/** The library takes a U+FEFF at the start of a text for a mark of the encoding, and so loses it. */
const hasByteOrderMark = (bytes: Uint8Array) => toHex(bytes).includes('efbbbf');

function holdAgainstOracle(bytes: Uint8Array): void {
  if (hasByteOrderMark(bytes)) return;
  const [scanned, again] = [byScan(bytes), byEncodingAgain(bytes)];
  // so many cases that a matcher for each would take most of the time
  if (!isDeepStrictEqual(scanned, again)) expect([toHex(bytes), scanned]).toEqual([toHex(bytes), again]);
}

// a stack for each of a hundred thousand refusals would take most of the time
const { stackTraceLimit } = Error;
beforeAll(() => {
  Error.stackTraceLimit = 0;
});
afterAll(() => {
  Error.stackTraceLimit = stackTraceLimit;
});

const link = cidToLink(cidOf(fromHex('00')));
const leaf = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'binary-ascii', maxLength: 300 }),
  fc.boolean(),
  fc.constant(null),
  fc.maxSafeInteger().map((n) => n + 0),
  fc.oneof(...[23, 24, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff, 2 ** 32].map((n) => fc.constantFrom(n, -1 - n))),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }),
  fc.uint8Array({ maxLength: 300 }),
  fc.constant(link),
);
const { document } = fc.letrec((tie) => ({
  document: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('document'), { maxLength: 30 }),
    fc.dictionary(fc.string({ unit: 'binary', maxLength: 8 }), tie('document'), { noNullPrototype: true }),
    fc.dictionary(fc.constantFrom('a', 'b', 'aa', 'é', 'ab', '', '1', '10', '😀', '\uffff'), tie('document'), {
      noNullPrototype: true,
    }),
  ),
}));

/** Bytes that begin an item, or say how long it is, more often than chance has them. */
const telling = fc.oneof(
  fc.nat({ max: 0xff }),
  fc.constantFrom(0x00, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x20, 0x38, 0x40, 0x41, 0x58, 0x60, 0x61, 0x62, 0x78, 0x80, 0x81),
  fc.constantFrom(0x82, 0x98, 0xa0, 0xa1, 0xa2, 0xb8, 0xc3, 0xa9, 0xd8, 0x2a, 0xed, 0xf0, 0xf4, 0xf6, 0xf7, 0xfb, 0xff),
);

describe('what the scan lets pass is what is written again alike', () => {
  test('of any few bytes', () => {
    fc.assert(
      fc.property(fc.array(telling, { maxLength: 14 }), (bytes) => holdAgainstOracle(Uint8Array.from(bytes))),
      { numRuns: 5_000 },
    );
  });

  test('of every head with every byte after it, and of texts and keys where UTF-8 has its borders', () => {
    const borders = [0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
    for (let first = 0; first < 256; first++) {
      holdAgainstOracle(Uint8Array.of(first));
      for (let second = 0; second < 256; second++) holdAgainstOracle(Uint8Array.of(first, second));
      for (const second of borders) {
        holdAgainstOracle(Uint8Array.of(0x62, first, second));
        holdAgainstOracle(Uint8Array.of(0x63, first, second, 0x80));
        holdAgainstOracle(Uint8Array.of(0x64, first, second, 0x80, 0xbf));
        holdAgainstOracle(Uint8Array.of(0xa2, 0x61, first, 0x00, 0x61, second, 0x00));
      }
    }
  });

  test('of documents with some bytes changed, put in or left out', () => {
    const change = fc.record({
      at: fc.nat({ max: 400 }),
      put: fc.array(telling, { maxLength: 3 }),
      skip: fc.nat({ max: 2 }),
    });
    fc.assert(
      fc.property(document, fc.array(change, { maxLength: 3 }), (value, changes) => {
        fc.pre(
          !JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? '' : part)).includes('__proto__'),
        );
        let bytes = encodeCanonical(value);
        for (const { at, put, skip } of changes) {
          const place = at % (bytes.length + 1);
          bytes = concat(bytes.subarray(0, place), Uint8Array.from(put), bytes.subarray(place + skip));
        }
        holdAgainstOracle(bytes);
      }),
      { numRuns: 2_000 },
    );
  });

  test('of maps with their entries in any order, and keys of any code points', () => {
    const key = fc.string({ unit: 'binary', maxLength: 3 });
    fc.assert(
      fc.property(fc.array(key, { maxLength: 8 }), (keys) => {
        const entries = keys.map((text) => concat(encodeCanonical(text), Uint8Array.of(0)));
        holdAgainstOracle(concat(Uint8Array.of(0xa0 | keys.length), ...entries));
      }),
      { numRuns: 2_000 },
    );
  });
});

test.each([
  '',
  '18',
  '1900',
  '41',
  '5818',
  '6261',
  '7830',
  '81',
  'a1',
  'a161',
  'a16161',
  'd82a5825',
  '9bffffffffffffffff',
])('bytes that are cut short are said to be: %j', (hex) => {
  expect(() => decodeCanonical(fromHex(hex), MAX)).toThrow('an end too soon');
});

test.each([
  ['17', '1817'],
  ['18ff', '1900ff'],
  ['19ffff', '1a0000ffff'],
  ['1affffffff', '1b00000000ffffffff'],
])('the largest integer of a head, %s, is not taken in the next longer one', (shortest, longer) => {
  for (const major of [0x00, 0x20]) {
    const ofMajor = (hex: string) => fromHex(hex).map((byte, at) => (at === 0 ? byte | major : byte));
    expect(encodeCanonical(decodeCanonical(ofMajor(shortest), MAX))).toEqual(ofMajor(shortest));
    expect(() => decodeCanonical(ofMajor(longer), MAX)).toThrow(refusal('non_canonical'));
  }
});

test('a text that begins with U+FEFF comes out as it went in', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (rest) => {
      const text = `\ufeff${rest}`;
      expect(decodeCanonical(encodeCanonical({ [text]: text }), MAX)).toEqual({ [text]: text });
    }),
  );
});

describe('a document holds', () => {
  const list = (length: number) =>
    encodeCanonical(
      Array.from({ length }, () => 0),
      { ...DOCUMENT_LIMITS, items: 1e6 },
    );
  const map = (length: number) => Object.fromEntries(Array.from({ length }, (_, at) => [`k${at}`, at]));
  const links = (length: number) => Array.from({ length }, () => link);

  test('4,096 items, and no more, written or read', () => {
    expect(scanCanonical(list(4_095), DOCUMENT_LIMITS)).toBe(4_096);
    expect(() => decodeCanonical(list(4_096), MAX)).toThrow(refusal('too_large'));
    expect(toHex(encodeCanonical(Array.from({ length: 4_095 }, () => 0)))).toBe(toHex(list(4_095)));
    expect(() => encodeCanonical(Array.from({ length: 4_096 }, () => 0))).toThrow(refusal('too_large'));
  });

  test('maps of 512 entries', () => {
    const largest = encodeCanonical(map(512));
    expect(scanCanonical(largest, DOCUMENT_LIMITS)).toBe(1_025); // a key counts, too
    expect(decodeCanonical(largest, MAX)).toEqual(map(512));
    const larger = encodeCanonical(map(513), { ...DOCUMENT_LIMITS, entries: 513 });
    expect(() => decodeCanonical(larger, MAX)).toThrow(refusal('too_large'));
    expect(() => encodeCanonical(map(513))).toThrow(refusal('too_large'));
  });

  test('its keys among its items, written or read', () => {
    const [value, exactly, fewer] = [
      { a: 1, b: 2 },
      { ...DOCUMENT_LIMITS, items: 5 },
      { ...DOCUMENT_LIMITS, items: 4 },
    ];
    expect(decodeCanonical(encodeCanonical(value, exactly), MAX, exactly)).toEqual(value);
    expect(() => encodeCanonical(value, fewer)).toThrow(refusal('too_large'));
    expect(() => decodeCanonical(encodeCanonical(value), MAX, fewer)).toThrow(refusal('too_large'));
  });

  test('lists and maps nested 64 deep, and no deeper, written or read', () => {
    for (const [wrap, begin] of [
      [(inner: unknown) => [inner], '81'],
      [(inner: unknown) => ({ a: inner }), 'a16161'],
    ] as const) {
      const nested = (depth: number): unknown => (depth === 0 ? [] : wrap(nested(depth - 1)));
      expect(decodeCanonical(encodeCanonical(nested(63)), MAX)).toEqual(nested(63));
      expect(() => encodeCanonical(nested(64))).toThrow(refusal('document_invalid'));
      expect(() => decodeCanonical(fromHex(`${begin.repeat(64)}80`), MAX)).toThrow(refusal('non_canonical'));
    }
  });

  test('1,000 links', () => {
    const most = encodeCanonical(links(1_000));
    expect(scanCanonical(most, DOCUMENT_LIMITS)).toBe(1_001);
    const more = encodeCanonical(links(1_001), { ...DOCUMENT_LIMITS, links: 1_001 });
    expect(() => decodeCanonical(more, MAX)).toThrow(refusal('too_large'));
    expect(() => encodeCanonical(links(1_001))).toThrow(refusal('too_large'));
  });

  test('no more members than bytes are left: what claims more is cut short', () => {
    for (const cut of ['baffffffff', '9affffffff', 'b90201', 'a261610000']) {
      expect(() => decodeCanonical(fromHex(cut), MAX)).toThrow(refusal('non_canonical'));
      const afterOthers = concat(fromHex('82590400'), new Uint8Array(1024), fromHex(cut));
      expect(() => decodeCanonical(afterOthers, MAX)).toThrow(refusal('non_canonical'));
    }
  });
});

const anything = { items: Infinity, entries: Infinity, links: Infinity };

/** How often a scan looks at a byte, whatever it then says. */
function looksOf(bytes: Uint8Array): number {
  let looks = 0;
  const watched = new Proxy(Buffer.from(bytes), {
    get: (target, name) => {
      if (typeof name === 'string' && /^\d+$/.test(name)) looks += 1;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? Function.prototype.bind.call(value, target) : value;
    },
  });
  try {
    scanCanonical(watched, anything);
  } catch (error) {
    if (!isDtaError(error, 'non_canonical')) throw error;
  }
  return looks;
}

test('the scan looks at each byte at most three times, whatever the bytes are', () => {
  const keys = Array.from({ length: 2_000 }, (_, at) => `${'k'.repeat(30)}${String(at).padStart(6, '0')}`);
  const nasty = [
    encodeCanonical(Object.fromEntries(keys.map((key) => [key, 0])), anything),
    concat(fromHex('b903e8'), ...keys.reverse().map((key) => concat(encodeCanonical(key), fromHex('00')))),
    new Uint8Array(5_000).fill(0x81),
    new Uint8Array(5_000).fill(0x9b),
    encodeCanonical(
      Array.from({ length: 5_000 }, () => ({})),
      anything,
    ),
    encodeCanonical(Array.from({ length: 500 }, () => link)),
  ];
  for (const bytes of nasty) expect(looksOf(bytes)).toBeLessThanOrEqual(3 * bytes.length);
  expect(Math.max(...nasty.map((bytes) => looksOf(bytes) / bytes.length))).toBeGreaterThan(2); // a key's bytes are compared
  fc.assert(fc.property(document, (value) => looksOf(encodeCanonical(value)) <= 3 * encodeCanonical(value).length));
});
