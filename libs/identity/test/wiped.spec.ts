// What is said in a statement, and the keys in a key file, are zeros in every copy that isn't handed out. What the libraries
// below hand out is noted, and the keys that they are given.
import { beforeEach, expect, jest, test } from '@jest/globals';
import * as codec from '@dta/codec';
import * as crypto from '@dta/crypto';
import { holds, isWiped, listening } from '@dta/testkit';

const handedOut: Uint8Array[] = [];
const keysInUse: Uint8Array[] = [];

jest.unstable_mockModule('@dta/codec', () => listening(codec, handedOut, ['encodeCanonical', 'encodeDocument']));
jest.unstable_mockModule('@dta/crypto', () => ({
  ...crypto,
  aeadSeal: (...inputs: Parameters<typeof crypto.aeadSeal>) => {
    keysInUse.push(inputs[0]);
    return crypto.aeadSeal(...inputs);
  },
  aeadOpen: (...inputs: Parameters<typeof crypto.aeadOpen>) => {
    keysInUse.push(inputs[0]);
    return crypto.aeadOpen(...inputs);
  },
}));

const { defineStatement, MAX_STATEMENT_BYTES, openKeyFile, passphraseProtection, sealKeyFile, signStatement } =
  await import('@dta/identity');
const { newKey, NOW } = await import('./node.js');
const { refusal } = await import('./refusal.js');

const noteStatement = defineStatement('note', { text: codec.fields.bytesUpTo(2 * MAX_STATEMENT_BYTES) });
const sign = (text: Uint8Array) =>
  signStatement(noteStatement, { issuer: null, order: null, createdAt: NOW, text }, [newKey()]);

beforeEach(() => {
  handedOut.length = 0;
  keysInUse.length = 0;
});

test('a statement that is signed leaves no copy of what it says beside its own bytes', async () => {
  const text = crypto.randomBytes(40);
  const { bytes } = await sign(text);
  expect(handedOut.filter((copy) => holds(copy, text))).toEqual([bytes]);
});

test('a statement that is too large to be signed leaves none', async () => {
  const text = crypto.randomBytes(MAX_STATEMENT_BYTES);
  await expect(sign(text)).rejects.toThrow(refusal('too_large'));
  expect(handedOut.map(isWiped)).toEqual([true]);
});

test('a key file leaves neither its keys nor the key that it is sealed under', async () => {
  const protection = passphraseProtection(codec.ascii('correct horse'));
  const [document, kemSeed] = [codec.ascii('the document'), crypto.randomBytes(32)];
  const sealed = await sealKeyFile([{ document, signSeed: null, kemSeed, next: null }], protection);
  expect(handedOut.some((copy) => holds(copy, kemSeed))).toBe(false);
  await openKeyFile(sealed, protection);
  expect(keysInUse.map(isWiped)).toEqual([true, true]);
});
