import { describe, expect, test } from '@jest/globals';
import { ascii, decodeCanonical, encodeCanonical, toHex } from '@dta/codec';
import { aeadOpenWithIv, aeadSealWithIv, randomBytes } from '@dta/crypto';
import { isDtaError } from '@dta/errors';
import {
  openKeyFile,
  passphraseProtection,
  sealKeyFile,
  type KeyFileProtection,
  type KeyGeneration,
} from '@dta/identity';
import { refusal } from './refusal.js';

const generations: KeyGeneration[] = [
  { document: ascii('the first document'), signSeed: randomBytes(32), kemSeed: randomBytes(32), next: null },
  {
    ...{ document: ascii('the second, its signing key in an HSM'), signSeed: null, kemSeed: randomBytes(32) },
    next: { publicKey: randomBytes(32), seed: null },
  },
  {
    ...{ document: ascii('the third'), signSeed: randomBytes(32), kemSeed: randomBytes(32) },
    next: { publicKey: randomBytes(32), seed: randomBytes(32) },
  },
];

/** As custody protects: AES-256-GCM under a key that lives elsewhere. */
function keyProtection(): KeyFileProtection {
  const [key, iv] = [randomBytes(32), randomBytes(12)];
  return {
    kind: 'custody',
    seal: async (plaintext) => aeadSealWithIv(key, iv, plaintext, new Uint8Array()),
    open: async (sealed) => aeadOpenWithIv(key, iv, sealed, new Uint8Array()),
  };
}

/** `bytes` with a bit of one byte turned over. */
function flipped(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
}

describe('a key file under a passphrase', () => {
  const protection = passphraseProtection(ascii('correct horse'));
  const sealed = sealKeyFile(generations, protection);

  test('opens as it was sealed, generation by generation', async () => {
    expect(await openKeyFile(await sealed, protection)).toEqual(generations);
  });

  test('holds no byte string that is secret, nor the passphrase', async () => {
    const hex = toHex(await sealed);
    for (const { signSeed, kemSeed, document } of generations) {
      for (const secret of [signSeed, kemSeed, document]) {
        if (secret !== null) expect(hex.includes(toHex(secret))).toBe(false);
      }
    }
    expect(hex.includes(toHex(ascii('correct horse')))).toBe(false);
  });

  test('never looks the same twice', async () => {
    expect(toHex(await sealKeyFile(generations, protection)) === toHex(await sealed)).toBe(false);
  });

  test.each(['correct horsE', '', 'correct horse '])('refuses the passphrase %p', async (passphrase) => {
    const opening = openKeyFile(await sealed, passphraseProtection(ascii(passphrase)));
    await expect(opening).rejects.toThrow(refusal('key_file_invalid'));
  });

  test('refuses a flipped bit in salt, ciphertext and tag', async () => {
    const file = decodeCanonical(await sealed, 10_000) as { sealed: Uint8Array }; // as sealKeyFile wrote it
    for (const at of [0, 15, 16, 100, file.sealed.length - 1]) {
      const altered = encodeCanonical({ ...file, sealed: flipped(file.sealed, at) });
      await expect(openKeyFile(altered, protection)).rejects.toThrow(refusal('key_file_invalid'));
    }
  });

  test.each([0, 1, 15, 16, 31])('refuses %d sealed bytes', async (length) => {
    const file = encodeCanonical({ v: 1, type: 'keyfile', protection: 'passphrase', sealed: new Uint8Array(length) });
    await expect(openKeyFile(file, protection)).rejects.toThrow(refusal('key_file_invalid'));
  });
});

describe('any key file', () => {
  const protection = keyProtection();
  const sealed = sealKeyFile(generations, protection);

  test('opens as it was sealed', async () => {
    expect(await openKeyFile(await sealed, protection)).toEqual(generations);
  });

  test('refuses every flipped bit, by key_file_invalid or the provider’s own error', async () => {
    const file = await sealed;
    for (const at of file.keys()) {
      const error: unknown = await openKeyFile(flipped(file, at), protection).catch((reason: unknown) => reason);
      expect([at, isDtaError(error, 'key_file_invalid', 'decryption_failed')]).toEqual([at, true]);
    }
  });

  test('refuses to be cut anywhere', async () => {
    const file = await sealed;
    for (const length of file.keys()) {
      await expect(openKeyFile(file.subarray(0, length), protection)).rejects.toThrow(refusal('key_file_invalid'));
    }
  });

  test('says by what it is sealed to whoever comes with another protection', async () => {
    const opening = openKeyFile(await sealed, passphraseProtection(ascii('correct horse')));
    await expect(opening).rejects.toThrow(refusal('key_file_invalid'));
    await expect(opening).rejects.toThrow('key file is sealed by custody, not by passphrase');
  });

  test.each<[string, unknown]>([
    ['another version', { v: 2, type: 'keyfile', protection: 'custody', sealed: new Uint8Array() }],
    ['another type', { v: 1, type: 'custody', protection: 'custody', sealed: new Uint8Array() }],
    ['an unknown protection', { v: 1, type: 'keyfile', protection: 'none', sealed: new Uint8Array() }],
    ['an unknown field', { v: 1, type: 'keyfile', protection: 'custody', sealed: new Uint8Array(), hint: 'x' }],
  ])('is refused with %s', async (_name, file) => {
    await expect(openKeyFile(encodeCanonical(file), protection)).rejects.toThrow(refusal('key_file_invalid'));
  });

  test.each<[string, unknown]>([
    ['no generation', { generations: [] }],
    ['a seed of 31 bytes', { generations: [{ ...generations[0], kemSeed: new Uint8Array(31) }] }],
    ['no seed', { generations: [{ document: ascii('x'), signSeed: null, kemSeed: null }] }],
    ['something else', [1]],
  ])('is refused where what was sealed holds %s', async (_name, content) => {
    const file = {
      v: 1,
      type: 'keyfile',
      protection: 'custody',
      sealed: await protection.seal(encodeCanonical(content)),
    };
    await expect(openKeyFile(encodeCanonical(file), protection)).rejects.toThrow(refusal('key_file_invalid'));
  });

  test('wipes the plaintext when it was opened, sound or not', async () => {
    for (const content of [encodeCanonical({ generations }), encodeCanonical([1])]) {
      const handed: Uint8Array[] = [];
      const watched: KeyFileProtection = {
        ...protection,
        open: async () => {
          const plaintext = content.slice();
          handed.push(plaintext);
          return plaintext;
        },
      };
      await openKeyFile(await sealed, watched).catch(() => undefined);
      expect(handed.map((plaintext) => plaintext.every((byte) => byte === 0))).toEqual([true]);
    }
  });
});
