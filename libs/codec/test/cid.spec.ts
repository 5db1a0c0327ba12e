import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CID } from 'multiformats/cid';
import { CID_BYTES, cidFromBytes, cidOf, cidToBytes, cidToLink, concat, fromHex, parseCid, toHex } from '@dta/codec';
import { refusal } from './refusal.js';

const cid = cidOf(fromHex('a0'));
const bytes = cidToBytes(cid);

test('a CID is version 1, dag-cbor, sha2-256, the hash by itself', () => {
  const digest = createHash('sha256').update(fromHex('a0')).digest('hex');
  expect(toHex(bytes)).toBe(`01711220${digest}`);
  expect(bytes).toHaveLength(CID_BYTES);
  expect(cid).toHaveLength(59);
});

test('text, bytes and link say the same', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (block) => {
      const made = cidOf(block);
      expect(parseCid(made)).toBe(made);
      expect(cidFromBytes(cidToBytes(made))).toBe(made);
      expect(cidToLink(made).toString()).toBe(made);
    }),
  );
});

describe('refused as bytes', () => {
  test.each([
    ['none', new Uint8Array()],
    ['35', bytes.subarray(1)],
    ['37', concat(bytes, Uint8Array.of(0))],
    ['version 0', bytes.subarray(2)],
    ['version 2', concat(Uint8Array.of(2), bytes.subarray(1))],
    ['raw', concat(fromHex('01551220'), bytes.subarray(4))],
    ['sha3', concat(fromHex('01711620'), bytes.subarray(4))],
    ['another length of hash', concat(fromHex('0171121f'), bytes.subarray(4))],
  ])('%s', (_name, other) => {
    expect(() => cidFromBytes(other)).toThrow(refusal('document_invalid'));
  });
});

describe('refused as text', () => {
  const link = CID.parse(cid);
  test.each([
    ['nothing', ''],
    ['upper case', cid.toUpperCase()],
    ['one letter upper case', `${cid.slice(0, -1)}${cid.slice(-1).toUpperCase()}`],
    ['cut', cid.slice(0, -1)],
    ['longer', `${cid}a`],
    ['padding', `${cid}=`],
    ['white space', ` ${cid}`],
    ['bits beyond the last byte', `${cid.slice(0, -1)}${nextLetter(cid.slice(-1))}`],
    ['version 0', CID.createV0(link.multihash as never).toString()], // createV0 asks for sha2-256 in its type
    ['raw', CID.createV1(0x55, link.multihash).toString()],
    ['another base', 'zdpuAtX7ZibcWdSKQwiDCkPjWwRvtcKCPku9H7LhgA4qJW4Wk'],
    ['a name', 'identity'],
  ])('%s', (_name, text) => {
    expect(() => parseCid(text)).toThrow(refusal('document_invalid'));
  });
});

/** 36 bytes are 57.6 letters: the last has two bits that say nothing and must be 0. */
function nextLetter(letter: string): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  return alphabet.charAt(alphabet.indexOf(letter) + 1);
}
