import { describe, expect, test } from '@jest/globals';
import { decodeCanonical, encodeCanonical, fields } from '@dta/codec';
import { z } from 'zod';
import { formerFormat, recordFormat } from '../src/index.js';
import { refusal } from './refusal.js';

const first = z.strictObject({ ref: z.string(), deal: fields.bytes(2) });
const second = z.strictObject({ ref: z.string(), deals: z.array(fields.bytes(2)) });
const old = recordFormat(1, first);
const young = recordFormat(
  2,
  second,
  formerFormat(first, ({ deal, ...kept }) => ({ ...kept, deals: [deal] })),
);
const deal = Uint8Array.of(1, 2);

describe('a record', () => {
  test('says its format first, and is read as it was written', () => {
    const record = old.encode({ ref: 'x', deal });
    expect(record.slice(0, 4)).toEqual(Uint8Array.of(0xa3, 0x61, 'v'.charCodeAt(0), 1)); // a map of three, `v`, 1
    expect(old.decode(record)).toEqual({ ref: 'x', deal });
  });

  test('of the format before is read as one of this, and written as one', () => {
    const read = young.decode(old.encode({ ref: 'x', deal }));
    expect(read).toEqual({ ref: 'x', deals: [deal] });
    expect(decodeCanonical(young.encode(read), 100)).toMatchObject({ v: 2 });
  });

  test.each([
    ['of the next format', young.encode({ ref: 'x', deals: [] })],
    [
      'of one after it, whatever it holds and however much',
      encodeCanonical({ v: 9, ref: 1, more: new Uint8Array(2e5) }),
    ],
  ])('%s is busy', (_, record) => {
    expect(() => old.decode(record)).toThrow(refusal('busy', 'newer version'));
  });

  test.each([
    ['of the format before the one before', encodeCanonical({ v: 1, ref: 'x', deal })],
    ['of no format', encodeCanonical({ ref: 'x', deals: [] })],
    ['of a format that is none', encodeCanonical({ v: '9', ref: 'x', deals: [] })],
    ['of format 0', encodeCanonical({ v: 0, ref: 'x', deals: [] })],
    ['with a field more', encodeCanonical({ v: 3, ref: 'x', deals: [], more: 1 })],
    ['with a field less', encodeCanonical({ v: 3, ref: 'x' })],
    ['that is no map', encodeCanonical([3])],
  ])('%s is invalid', (_, record) => {
    expect(() => recordFormat(3, second).decode(record)).toThrow(refusal('document_invalid'));
  });

  test('of the format before is held against the schema of that one', () => {
    const record = encodeCanonical({ v: 1, ref: 'x', deals: [] });
    expect(() => young.decode(record)).toThrow(refusal('document_invalid'));
  });
});
