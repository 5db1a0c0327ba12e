// Keys and plaintexts that sealing and opening make on their way are zeros once they have ended. What the libraries below
// hand out is noted, and the key that they are given to wrap.
import { beforeEach, expect, jest, test } from '@jest/globals';
import * as codec from '@dta/codec';
import * as crypto from '@dta/crypto';
import { holds, isWiped, listening } from '@dta/testkit';

const handedOut: Uint8Array[] = [];

jest.unstable_mockModule('@dta/codec', () =>
  listening(codec, handedOut, ['encodeCanonical', 'padToPadme', 'unpadPadme', 'decodeCanonical']),
);
jest.unstable_mockModule('@dta/crypto', () => ({
  ...listening(crypto, handedOut, ['randomBytes', 'hkdf', 'hpkeOpen', 'aeadOpen']),
  hpkeSeal: (...inputs: Parameters<typeof crypto.hpkeSeal>) => {
    handedOut.push(inputs[2]);
    return crypto.hpkeSeal(...inputs);
  },
}));

const { openEnvelope, parseEnvelope, sealEnvelope } = await import('@dta/envelope');
const { newNode, NOW, opener, recipient } = await import('./node.js');

const [sender, receiver] = [await newNode('principal'), await newNode('fiduciary')];
const said = new Uint8Array(40).fill(7);
const sealed = () =>
  sealEnvelope(
    {
      ...{ sender: sender.identity, from: 'principal', order: null, prev: [], log: false, now: NOW },
      ...{ recipients: [recipient(receiver)], statements: [said] },
    },
    sender.key,
  );

/** What was handed out of that length. */
const ofLength = (bytes: number) => handedOut.filter(({ length }) => length === bytes);
/** Kenc of what keys were derived: the first half; Kcom is in the envelope. */
const encryptionKeys = () => ofLength(64).map((keys) => keys.subarray(0, 32));

beforeEach(() => {
  handedOut.length = 0;
});

test('the keys and the plaintext of an envelope are wiped at the party that seals it', async () => {
  await sealed();
  expect(ofLength(80).map(isWiped)).toEqual([true]); // nonce, salt and content key, as they were drawn
  expect(ofLength(32).map(isWiped)).toEqual([true]); // the content key, as it was wrapped
  expect(encryptionKeys().map(isWiped)).toEqual([true]);
  expect(handedOut.some((bytes) => holds(bytes, said))).toBe(false);
});

test('they are wiped at the party that opens it, all but the statements', async () => {
  const envelope = parseEnvelope((await sealed()).bytes);
  handedOut.length = 0;
  const statements = await openEnvelope(envelope, [opener(receiver)]);
  expect(statements).toEqual([said]);
  expect(ofLength(32).map(isWiped)).toEqual([true]); // the content key
  expect(encryptionKeys().map(isWiped)).toEqual([true]);
  expect(handedOut.filter((bytes) => holds(bytes, said))).toEqual(statements);
});
