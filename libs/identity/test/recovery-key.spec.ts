import { expect, test } from '@jest/globals';
import { ascii, toHex } from '@dta/codec';
import { randomBytes } from '@dta/crypto';
import { openRecoveryKey, passphraseProtection, sealKeyFile, sealRecoveryKey } from '@dta/identity';
import { refusal } from './refusal.js';

const protection = passphraseProtection(ascii('correct horse'));

test('the file of a recovery key opens with its passphrase alone, and shows nothing of it', async () => {
  const seed = randomBytes(32);
  const bytes = await sealRecoveryKey(seed, protection);
  expect(await openRecoveryKey(bytes, protection)).toEqual(seed);
  expect(toHex(bytes)).not.toContain(toHex(seed));
  const wrong = openRecoveryKey(bytes, passphraseProtection(ascii('battery staple')));
  await expect(wrong).rejects.toThrow(refusal('key_file_invalid'));
});

test('what is no such file is refused: a key file, a seed of another length, garbage', async () => {
  const generation = { document: ascii('document'), signSeed: randomBytes(32), kemSeed: randomBytes(32) };
  for (const bytes of [
    await sealKeyFile([generation], protection),
    await sealRecoveryKey(randomBytes(31), protection),
    randomBytes(64),
  ]) {
    await expect(openRecoveryKey(bytes, protection)).rejects.toThrow(refusal('key_file_invalid'));
  }
});
