// What is encoded may be secret. It is written in a room that is one for all documents and grows: each is noted as it is made.
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { encodeCanonical } from '@dta/codec';
import { refusal } from './refusal.js';

const rooms: Buffer[] = [];
const isWiped = (room: Buffer) => room.every((byte) => byte === 0);
const secret = (size: number) => new Uint8Array(size).fill(7);

beforeEach(() => {
  rooms.length = 0;
  const { alloc } = Buffer;
  jest.spyOn(Buffer, 'alloc').mockImplementation((size) => {
    const room = alloc(size);
    rooms.push(room);
    return room;
  });
});

afterEach(() => {
  jest.restoreAllMocks();
});

// each size is above all that the tests before it made room for

test('nothing is left of a document where it was written', () => {
  expect(encodeCanonical(secret(100_000)).at(-1)).toBe(7);
  expect(rooms.map(isWiped)).toEqual([true]);
});

test('nothing is left of a document that is refused before its end', () => {
  expect(() => encodeCanonical([secret(200_000), undefined])).toThrow(refusal('document_invalid'));
  expect(rooms.map(isWiped)).toEqual([true]);
});

test('nothing is left of a document where it was written until it needed more room', () => {
  expect(encodeCanonical([secret(400_000), secret(800_000)]).at(-1)).toBe(7);
  expect(rooms.map(isWiped)).toEqual([true, true]);
});
