import { expect, test } from '@jest/globals';
import { ascii, toHex } from '@dta/codec';
import { randomBytes } from '@dta/crypto';
import { openSpareKey, passphraseProtection, sealKeyFile, sealSpareKey, type SpareKey } from '@dta/identity';
import { refusal } from './refusal.js';

const protection = passphraseProtection(ascii('correct horse'));

const kinds: [SpareKey, SpareKey][] = [
  ['recovery', 'next'],
  ['next', 'recovery'],
];

test.each(kinds)('the file of a %s key opens with its passphrase alone, and shows nothing of it', async (kind) => {
  const seed = randomBytes(32);
  const bytes = await sealSpareKey(kind, seed, protection);
  expect(await openSpareKey(kind, bytes, protection)).toEqual(seed);
  expect(toHex(bytes)).not.toContain(toHex(seed));
  const wrong = openSpareKey(kind, bytes, passphraseProtection(ascii('battery staple')));
  await expect(wrong).rejects.toThrow(refusal('key_file_invalid'));
});

test.each(kinds)(
  'what is no file of a %s key is refused: one of a %s key, a key file, another length, garbage',
  async (kind, other) => {
    const generation = { document: ascii('document'), signSeed: randomBytes(32), kemSeed: randomBytes(32), next: null };
    for (const bytes of [
      await sealSpareKey(other, randomBytes(32), protection),
      await sealKeyFile([generation], protection),
      await sealSpareKey(kind, randomBytes(31), protection),
      randomBytes(64),
    ]) {
      await expect(openSpareKey(kind, bytes, protection)).rejects.toThrow(refusal('key_file_invalid'));
    }
  },
);
