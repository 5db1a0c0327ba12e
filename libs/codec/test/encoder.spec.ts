// The encoder writes in a room that is one for all documents and grows: each that it makes is noted here.
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import * as dagCbor from '@ipld/dag-cbor';
import { bytesEqual, encodeCanonical } from '@dta/codec';
import { refusal } from './refusal.js';

/** The size of the room: before any was made here, of the one that it begins with. */
let size = 64 * 1024;
const made: Buffer[] = [];

beforeEach(() => {
  made.length = 0;
  const { alloc } = Buffer;
  jest.spyOn(Buffer, 'alloc').mockImplementation((length) => {
    const room = alloc(length);
    made.push(room);
    size = length;
    return room;
  });
});

afterEach(() => {
  jest.restoreAllMocks();
});

// what is encoded may be secret
describe('nothing is left where it was written', () => {
  const secret = () => new Uint8Array(size).fill(7);
  const areWiped = () => made.map((room) => room.every((byte) => byte === 0));

  test('of a document that needed more room on its way, twice', () => {
    expect(encodeCanonical([secret(), secret()]).at(-1)).toBe(7);
    expect(areWiped()).toEqual([true, true]);
  });

  test('of a document that is refused before its end', () => {
    expect(() => encodeCanonical([secret(), undefined])).toThrow(refusal('document_invalid'));
    expect(areWiped()).toEqual([true]);
  });
});

test.each<[string, number, unknown]>([
  ['true', 0, true],
  ['an integer', 1, 1_000],
  ['a BigInt', 4, 2n ** 63n],
  ['a short text', 20, 'a'.repeat(60)],
  ['a text beyond ASCII', 20, 'é'.repeat(30)],
  ['bytes', 20, new Uint8Array(100).fill(7)],
])('%s is written whole where %d bytes of the room are left', (_name, left, item) => {
  const document = [new Uint8Array(size - left - 6), item]; // 1 byte for the list, 5 before the bytes
  expect(bytesEqual(encodeCanonical(document), dagCbor.encode(document))).toBe(true);
  expect(made).toHaveLength(1);
});
