import { describe, expect, test } from '@jest/globals';
import { cidToLink, concat, encodeCanonical } from '@dta/codec';
import { CarReader } from '@ipld/car/reader';
import { blocksIn, encodeCar } from '../src/car.js';
import { leaf, newBatch } from './blocks.js';

test('finds each block of an archive where it lies, as the library does', async () => {
  const { root, blocks } = newBatch(Array.from({ length: 40 }, leaf));
  const archive = encodeCar({ root, blocks });
  const found = blocksIn(archive).map(({ cid, offset, length }) => ({
    cid,
    bytes: archive.subarray(offset, offset + length),
  }));
  expect(found).toEqual(blocks);
  const read = await CarReader.fromBytes(archive);
  expect((await read.getRoots()).map(String)).toEqual([root]);
  for (const { cid, bytes } of blocks) expect((await read.get(cidToLink(cid)))?.bytes).toEqual(bytes);
});

describe('is no archive of ours', () => {
  const batch = newBatch();
  const archive = encodeCar(batch);
  const [body, most] = [archive.subarray(59), newBatch(Array.from({ length: 1_000 }, leaf))];

  test('with another header, however large', () => {
    const header = encodeCanonical({ version: 1, roots: [], more: new Uint8Array(40) });
    expect(() => blocksIn(concat(Uint8Array.of(header.length), header, body))).toThrow();
    expect(() => blocksIn(concat(Uint8Array.of(0xff, 0xff, 0x3f), new Uint8Array(0xfffff).fill(0xa0)))).toThrow();
  });

  test('with more than 1,001 blocks', () => {
    const whole = encodeCar(most);
    expect(blocksIn(whole)).toHaveLength(1_001);
    const one = archive.subarray(59, 59 + 200);
    expect(() => blocksIn(concat(whole, one))).toThrow('more blocks than a batch has');
  });

  test.each([1, 58, 59, 60, 100, archive.length - 1])(
    'where it ends after %d bytes, but at the end of a block',
    (length) => {
      const isWhole = length === 59;
      if (isWhole) expect(blocksIn(archive.subarray(0, length))).toEqual([]);
      else expect(() => blocksIn(archive.subarray(0, length))).toThrow();
    },
  );

  test('with a section that is no block of ours', () => {
    const foreign = archive.slice();
    foreign[62] = 0x55;
    expect(() => blocksIn(foreign)).toThrow();
    expect(() => blocksIn(concat(archive, Uint8Array.of(0)))).toThrow();
    expect(() => blocksIn(concat(archive, new Uint8Array(9).fill(0x80)))).toThrow('without the length of a section');
  });
});
