import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { isDtaError } from '@dta/errors';
import fc from 'fast-check';
import {
  checkDocument,
  CID_TEXT,
  cidOf,
  cidToBytes,
  cidToLink,
  decodeCanonical,
  decodeDocument,
  encodeCanonical,
  encodeDocument,
  fields,
  fromHex,
  parseCid,
  toHex,
  type Cid,
} from '@dta/codec';
import { refusal } from './refusal.js';

const schema = fields.map({
  v: z.literal(1),
  key: fields.bytes(4),
  note: fields.bytesUpTo(2),
  about: fields.cid.nullable(),
  at: fields.ms,
  index: fields.index,
  epoch: fields.counter,
  extension: fields.extension,
});
const about = cidOf(fromHex('a0'));
const raw = {
  v: 1,
  key: new Uint8Array(4),
  note: new Uint8Array(2),
  about: cidToBytes(about),
  at: 1_700_000_000_000,
  index: 32,
  epoch: 0,
  extension: { plugin: [1, { a: null }] },
};
const decode = (value: unknown) => decodeDocument(schema, encodeCanonical(value), 1_000);

test('a CID is bytes in the document and text in code', () => {
  const document = decode(raw);
  expect(document).toEqual({ ...raw, about });
  expect(toHex(encodeDocument(schema, document))).toBe(toHex(encodeCanonical(raw)));
  expect(decode({ ...raw, about: null }).about).toBeNull();
});

describe('decodeDocument refuses', () => {
  const link = cidToLink(about);
  test.each<[string, unknown]>([
    ['an unknown field', { ...raw, more: 1 }],
    ['a missing field', { v: 1 }],
    ['another version', { ...raw, v: 2 }],
    ['bytes too few', { ...raw, key: new Uint8Array(3) }],
    ['bytes too many', { ...raw, key: new Uint8Array(5) }],
    ['more bytes than a limit', { ...raw, note: new Uint8Array(3) }],
    ['text for bytes', { ...raw, key: 'abcd' }],
    ['a list for bytes', { ...raw, key: [0, 0, 0, 0] }],
    ['null for bytes', { ...raw, key: null }],
    ['a link for bytes', { ...raw, key: link }],
    ['a link for a CID', { ...raw, about: link }],
    ['text for a CID', { ...raw, about: about }],
    ['bytes that are no CID', { ...raw, about: new Uint8Array(36) }],
    ['a time before 1970', { ...raw, at: -1 }],
    ['a time above 2^53', { ...raw, at: 2n ** 60n }],
    ['index 0', { ...raw, index: 0 }],
    ['index 33', { ...raw, index: 33 }],
    ['a counter below 0', { ...raw, epoch: -1 }],
    ['a counter above 32 bits', { ...raw, epoch: 2 ** 32 }],
    ['an extension that is no map', { ...raw, extension: [] }],
    ['an extension that is a link', { ...raw, extension: link }],
    ['a link in an extension', { ...raw, extension: { a: link } }],
    ['a link deep in an extension', { ...raw, extension: { a: [{ b: [0, link] }] } }],
    ['a list', [raw]],
    ['null', null],
    ['a number', 1],
    ['a text', 'document'],
    ['bytes, whose places would each be an unknown field', new Uint8Array(3)],
  ])('%s', (_name, value) => {
    expect(() => decode(value)).toThrow(refusal('document_invalid'));
  });

  test('what is too large or not canonical, by those codes', () => {
    expect(() => decodeDocument(schema, encodeCanonical(raw), 10)).toThrow(refusal('too_large'));
    expect(() => decodeDocument(schema, fromHex('a2616201616102'), 10)).toThrow(refusal('non_canonical'));
  });

  test('with each fault by its path, and no value, name or text of the document', () => {
    const secret = 'correct-horse';
    let refused: unknown;
    try {
      decode({
        ...raw,
        v: secret,
        key: secret,
        about: Buffer.from(secret),
        at: secret,
        [secret]: 1,
        extension: secret,
      });
    } catch (error) {
      refused = error;
    }
    expect(isDtaError(refused) && refused.metadata['faults']).toEqual(
      expect.arrayContaining([expect.stringMatching(/^key: /), expect.stringMatching(/^about: /), ': unknown field']),
    );
    expect(JSON.stringify(refused)).not.toContain(secret);
  });

  test.each<[string, unknown]>([
    ['a list', [raw]],
    ['a list of nothing', []],
    ['bytes', new Uint8Array(3)],
    ['no bytes', new Uint8Array()],
    ['null', null],
    ['a text', 'document'],
    ['a number', 1],
  ])('what is no map for that alone, fields that may be left out or not: %s', (_name, value) => {
    const lax = fields.map({ note: fields.bytesUpTo(2).optional() });
    const isNoMap: unknown = expect.objectContaining({ metadata: { faults: [': must be a map'] } });
    expect(() => checkDocument(lax, value)).toThrow(isNoMap as Error); // toThrow takes any matcher, its types don't
  });

  test('with at most ten faults', () => {
    const list = z.array(z.int());
    try {
      decodeDocument(list, encodeCanonical(Array.from({ length: 100 }, () => 'a')), 1_000);
      throw new Error('was not refused');
    } catch (error) {
      expect(isDtaError(error, 'document_invalid') && error.metadata['faults']).toHaveLength(10);
    }
  });
});

test('checkDocument holds what was decoded before against the schema', () => {
  const value = decodeCanonical(encodeCanonical(raw), 1_000);
  expect(checkDocument(schema, value)).toEqual({ ...raw, about });
  expect(() => checkDocument(z.strictObject({}), value)).toThrow(refusal('document_invalid'));
});

test('a CID goes into a document exactly where parseCid takes its text', () => {
  const only = fields.map({ cid: fields.cid });
  const taken = (attempt: () => unknown) => {
    try {
      attempt();
      return true;
    } catch {
      return false;
    }
  };
  const letter = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz234567A018=');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 8 }), fc.nat({ max: 58 }), letter, (block, at, other) => {
      const cid = cidOf(block);
      const altered = `${cid.slice(0, at)}${other}${cid.slice(at + 1)}`;
      expect(taken(() => encodeDocument(only, { cid }))).toBe(true);
      const encodes = taken(() => encodeDocument(only, { cid: altered as Cid })); // what is to be found out
      expect([altered, encodes]).toEqual([altered, taken(() => parseCid(altered))]);
    }),
    { numRuns: 2_000 },
  );
});

test.each([`a${about}`, `\n${about}`, `${about}a`, `${about}\n`])('%j has more than the text of a CID', (text) => {
  expect(CID_TEXT.test(about)).toBe(true);
  expect(CID_TEXT.test(text)).toBe(false);
});

describe('encodeDocument refuses', () => {
  const document = decode(raw);

  test('what our own code made wrong', () => {
    expect(() => encodeDocument(schema, { ...document, index: 0 })).toThrow(z.ZodError);
    expect(() => encodeDocument(schema, { ...document, key: new Uint8Array(1) })).toThrow(z.ZodError);
    const noText = [about] as never; // its text would pass
    expect(() => encodeDocument(schema, { ...document, about: noText })).toThrow(z.ZodError);
  });

  test('a link and a float in an extension', () => {
    expect(() => encodeDocument(schema, { ...document, extension: { a: cidToLink(about) } })).toThrow(z.ZodError);
    expect(() => encodeDocument(schema, { ...document, extension: { a: 0.5 } })).toThrow(refusal('document_invalid'));
  });
});
