import { describe, expect, test } from '@jest/globals';
import * as dagCbor from '@ipld/dag-cbor';
import fc from 'fast-check';
import { CID } from 'multiformats/cid';
import {
  bytesEqual,
  cidOf,
  cidToLink,
  concat,
  decodeCanonical,
  encodeCanonical,
  fields,
  fromHex,
  linkOf,
  NO_ITEM_LIMITS,
  toHex,
} from '@dta/codec';
import { refusal } from './refusal.js';
import { duplicateKeys, fixtures, floatFixtures, otherLinkFixtures } from './vectors/ipld.js';

const MAX = 1024 * 1024;
const decodeHex = (hex: string) => decodeCanonical(fromHex(hex), MAX);

describe('fixtures of IPLD', () => {
  test.each(fixtures)('%s is read, written again alike, and has its CID', (_name, hex, cid) => {
    expect(toHex(encodeCanonical(decodeHex(hex)))).toBe(hex);
    expect(cidOf(fromHex(hex))).toBe(cid);
  });

  test.each(floatFixtures)('%s is refused: our documents have no floats', (_name, hex, cid) => {
    expect(cidOf(fromHex(hex))).toBe(cid);
    expect(() => decodeHex(hex)).toThrow(refusal('non_canonical'));
  });

  test.each(otherLinkFixtures)('%s is refused: our documents link to blocks of ours', (_name, hex, cid) => {
    expect(cidOf(fromHex(hex))).toBe(cid);
    expect(() => decodeHex(hex)).toThrow(refusal('non_canonical'));
  });

  test('duplicate keys are refused', () => {
    expect(() => decodeHex(duplicateKeys)).toThrow(refusal('non_canonical'));
  });
});

test('reads what it wrote', () => {
  const leaf = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.boolean(),
    fc.constant(null),
    fc.maxSafeInteger().map((n) => n + 0), // no −0
    fc.uint8Array({ maxLength: 70 }),
  );
  const { document } = fc.letrec((tie) => ({
    document: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('document'), { maxLength: 30 }),
      fc.dictionary(fc.string(), tie('document'), { noNullPrototype: true }),
    ),
  }));
  fc.assert(
    fc.property(document, (value) => {
      fc.pre(!JSON.stringify(value).includes('__proto__'));
      expect(decodeCanonical(encodeCanonical(value), MAX)).toEqual(value);
    }),
  );
});

test('writes what the library of IPLD writes', () => {
  const anyKey = fc.string({ unit: 'binary', maxLength: 40 }).filter((key) => key !== '__proto__'); // which we refuse
  const leaf = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 80 }), // any code points, and so any length in UTF-8
    fc.string({ unit: 'binary-ascii', minLength: 20, maxLength: 300 }),
    fc.boolean(),
    fc.constant(null),
    fc.maxSafeInteger().map((n) => n + 0), // no −0, which the library writes as 0
    fc.oneof(
      ...[23, 24, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000].map((n) => fc.constantFrom(n, -1 - n)),
    ),
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }),
    fc.uint8Array({ maxLength: 300 }),
    fc.constant(cidToLink(cidOf(fromHex('00')))),
  );
  const { document } = fc.letrec((tie) => ({
    document: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('document'), { maxLength: 30 }),
      fc.dictionary(anyKey, tie('document')),
      fc.dictionary(fc.constantFrom('a', 'b', 'aa', 'é', 'ab', '', 'z'.repeat(30), '😀', '\ufffd'), tie('document')),
    ),
  }));
  fc.assert(
    fc.property(document, (value) => {
      expect(toHex(encodeCanonical(value))).toBe(toHex(dagCbor.encode(value)));
    }),
    { numRuns: 1_000 },
  );
  const long = { bytes: new Uint8Array(100_000).fill(7), list: Array.from({ length: 70_000 }, (_, at) => at) };
  // beyond the room it begins with; told apart by itself, for what a matcher would say of so many bytes takes minutes
  expect(bytesEqual(encodeCanonical(long, NO_ITEM_LIMITS), dagCbor.encode(long))).toBe(true);
});

/** A key of 60 bytes that ends so, as hex of its item. */
const longKey = (end: string) => `783c${'61'.repeat(59)}${end}`;

describe('decodeCanonical refuses', () => {
  test.each([
    ['no bytes', ''],
    ['keys in another order', 'a2616201616102'],
    ['a longer key before a shorter', 'a262616101616202'],
    ['an integer in more bytes than it needs', '1801'],
    ['an integer of eight bytes that fits in four', '1b0000000000000001'],
    ['a negative integer in more bytes than it needs', '3801'],
    ['a length in more bytes than it needs', '580161'],
    [
      'a tag in more bytes than it needs',
      'd9002a582500017112207252523e6591fb8fe553d67ff55a86f84044b46a3e4176e10c58fa529a4aabd5',
    ],
    ['half a float', 'f93c00'],
    ['a single float', 'fa3f800000'],
    ['a double that is an integer', 'fb3ff0000000000000'],
    ['a double that is an integer above 2^53', 'fb4340000000000001'],
    ['minus zero', 'fb8000000000000000'],
    ['NaN', 'fb7ff8000000000000'],
    ['infinity', 'fb7ff0000000000000'],
    ['a float deep within', 'a161618181fb3fe0000000000000'],
    ['undefined', 'f7'],
    ['undefined in a list', '81f7'],
    ['another simple value', 'f820'],
    ['an unassigned simple value', 'e0'],
    ['trailing bytes', '0000'],
    ['a list of indefinite length', '9f01ff'],
    ['a map of indefinite length', 'bf616101ff'],
    ['bytes of indefinite length', '5f4101ff'],
    ['text of indefinite length', '7f6161ff'],
    ['a break alone', 'ff'],
    ['the same key twice', 'a2616101616101'],
    ['the same long key twice', `a2${longKey('61')}00${longKey('61')}00`],
    ['long keys in another order', `a2${longKey('62')}00${longKey('61')}00`],
    ['a key that is no text', 'a10102'],
    ['a key of bytes', 'a1416100'],
    ['a number in the place of a key, of as many letters as it says', 'a1016100'],
    ['a date, tag 0', 'c074323031332d30332d32315432303a30343a30305a'],
    ['a bignum, tag 2', 'c249010000000000000000'],
    ['a link of no CID', 'd82a4100'],
    ['a link to a raw block', 'd82a582500015512207252523e6591fb8fe553d67ff55a86f84044b46a3e4176e10c58fa529a4aabd5'],
    ['a link whose CID is a byte longer', 'd82a5826000171122000'.padEnd(2 * 43, '0')],
    ['a link that ends too soon', 'd82a58250001711220'],
    ['a link in text', 'd82a78250001711220'.padEnd(2 * 42, '0')],
    [
      'a link whose first byte is not 0',
      'd82a582501017112207252523e6591fb8fe553d67ff55a86f84044b46a3e4176e10c58fa529a4aabd5',
    ],
    ['text that is not UTF-8', '62c328'],
    ['a lone surrogate', '63eda080'],
    ['a list that ends too soon', '8201'],
    ['a list that claims 2^64 − 1 members', '9bffffffffffffffff'],
    ['a map that claims 2^32 − 1 members', 'baffffffff'],
    ['bytes that claim 2^32 − 1', '5affffffff'],
    ['reserved additional information', '1c'],
    ['an integer of sixteen bytes', `1c${'ff'.repeat(16)}`],
    ['an integer of a length left open', `1f${'ff'.repeat(128)}`],
    ['the key __proto__', 'a1695f5f70726f746f5f5fa1617801'],
  ])('%s', (_name, hex) => {
    expect(() => decodeHex(hex)).toThrow(refusal('non_canonical'));
  });

  test.each([65, 1_000, 5_000, 7_000, 100_000, MAX - 1])('lists nested %d deep, without a crash', (depth) => {
    const bytes = new Uint8Array(depth + 1).fill(0x81);
    bytes[depth] = 0x80;
    expect(() => decodeCanonical(bytes, MAX)).toThrow(refusal('non_canonical'));
  });

  test.each([65, 5_000, 100_000])('maps nested %d deep, without a crash', (depth) => {
    const open = Array.from({ length: depth }, () => fromHex('a16161'));
    expect(() => decodeCanonical(concat(...open, fromHex('a0')), MAX)).toThrow(refusal('non_canonical'));
  });

  test('more bytes than are allowed, before it reads them', () => {
    const bytes = encodeCanonical(new Uint8Array(20));
    expect(decodeCanonical(bytes, bytes.length)).toEqual(new Uint8Array(20));
    expect(() => decodeCanonical(bytes, bytes.length - 1)).toThrow(refusal('too_large'));
    expect(() => decodeCanonical(new Uint8Array(100).fill(0xff), 99)).toThrow(refusal('too_large'));
  });
});

test('decodeCanonical reads what is nested 64 deep, and copies bytes', () => {
  const bytes = new Uint8Array(64).fill(0x81);
  bytes[63] = 0x80;
  expect(decodeCanonical(bytes, MAX)).toBeInstanceOf(Array);
  const source = fromHex('43010203');
  const decoded = decodeCanonical(source, MAX);
  source.fill(0);
  expect(decoded).toEqual(Uint8Array.of(1, 2, 3));
});

test('decodeCanonical gives a number where it is safe, and a BigInt beyond', () => {
  for (const safe of [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
    expect(decodeCanonical(encodeCanonical(safe), MAX)).toBe(safe);
    const beyond = BigInt(safe) + BigInt(Math.sign(safe));
    expect(decodeCanonical(encodeCanonical(beyond), MAX)).toBe(beyond);
  }
});

describe('encodeCanonical', () => {
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  const polluting = Object.defineProperty({}, '__proto__', { value: 1, enumerable: true });

  test.each<[string, unknown]>([
    ['a float', 0.5],
    ['a number above 2^53', 2 ** 53],
    ['NaN', NaN],
    ['infinity', -Infinity],
    ['undefined', undefined],
    ['undefined in a map', { a: undefined }],
    ['a float deep within', [{ a: [1.5] }]],
    ['a function', () => 1],
    ['a symbol', Symbol('a')],
    ['an integer of 65 bits', 2n ** 64n],
    ['a negative integer of 65 bits', -(2n ** 64n) - 1n],
    ['a date', new Date(0)],
    ['a Map', new Map([['a', 1]])],
    ['the key __proto__', polluting],
    ['a list that holds itself', cyclic],
    ['minus zero', -0],
    ['text with the first half of a surrogate pair alone', 'a\ud83d'],
    ['text with the second half of a surrogate pair alone', ['\ude00']],
    ['a key with half a surrogate pair', { '\ud83d': 1 }],
    ['a link to a raw block', CID.createV1(0x55, cidToLink(cidOf(fromHex('00'))).multihash)],
  ])('refuses %s', (_name, value) => {
    expect(() => encodeCanonical(value)).toThrow(refusal('document_invalid'));
  });

  test('writes BigInts up to 64 bits, in the fewest bytes', () => {
    expect(toHex(encodeCanonical(2n ** 64n - 1n))).toBe('1bffffffffffffffff');
    expect(toHex(encodeCanonical(-(2n ** 64n)))).toBe('3bffffffffffffffff');
    expect([toHex(encodeCanonical(0n)), toHex(encodeCanonical(-1n))]).toEqual(['00', '20']);
    expect(toHex(encodeCanonical(0xffff_ffffn))).toBe('1affffffff');
    expect(toHex(encodeCanonical(0x1_0000_0000n))).toBe('1b0000000100000000');
  });

  test.each([
    ['the last before the surrogate pairs, and the first character that is one', '\ud7ffa', '\u{10000}'],
    ['the first after the surrogate pairs', '\ue000a', '\u{10000}'],
    ['long ones that differ at their end', `${'k'.repeat(60)}a`, `${'k'.repeat(60)}b`],
  ])('sorts keys of one length by their bytes: %s', (_name, first, second) => {
    for (const map of [
      { [first]: 1, [second]: 2 },
      { [second]: 2, [first]: 1 },
    ]) {
      const bytes = encodeCanonical(map);
      const read = decodeCanonical(bytes, MAX) as object; // a map, as it was written
      expect(Object.keys(read)).toEqual([first, second]);
      expect(toHex(bytes)).toBe(toHex(dagCbor.encode(map)));
    }
  });

  test('sorts keys by length first, and says links by tag 42', () => {
    expect(toHex(encodeCanonical({ b: 1, aa: 2, a: 3 }))).toBe('a3616103616201626161' + '02');
    const cid = cidOf(fromHex('00'));
    expect(toHex(encodeCanonical(cidToLink(cid)))).toMatch(/^d82a5825000171/);
    expect(decodeCanonical(encodeCanonical(cidToLink(cid)), MAX)).toBeInstanceOf(CID);
    expect(decodeCanonical(encodeCanonical([cidToLink(cid), 1]), MAX)).toEqual([cidToLink(cid), 1]);
  });
});

test('linkOf gives a link, and null for anything else', () => {
  const link = cidToLink(cidOf(fromHex('00')));
  expect(linkOf(link)?.equals(link)).toBe(true);
  for (const other of [null, undefined, 1, 'bytes', [], {}, { bytes: 1 }, link.bytes]) expect(linkOf(other)).toBeNull();
});

test('says of half a surrogate pair what is wrong', () => {
  expect(() => encodeCanonical({ note: '\ud800' })).toThrow("a document can't hold text with half a surrogate pair");
});

test.each(['\ufeff', '\ufeffa', 'a\ufeff', `\ufeff${'a'.repeat(60)}`, '\ufeff\ufeff', '\ufffd', '\u0000'])(
  '%j comes out as it went in, as a value and as a key',
  (text) => {
    expect(decodeCanonical(encodeCanonical({ [text]: [text] }), MAX)).toEqual({ [text]: [text] });
  },
);

test.each([{ '/': 'a', bytes: 'a' }, { inside: [{ '/': 5, bytes: 5 }] }, { '/': null, bytes: null }])(
  'a map that a library would take for a link is a map: %j',
  (value) => {
    const bytes = encodeCanonical(value);
    expect(decodeCanonical(bytes, MAX)).toEqual(value);
    expect(fields.extension.safeParse({ value }).success).toBe(true);
  },
);
