// Secrets that a primitive makes on its way are zeros once it has ended. What OpenSSL is given and hands out is noted.
import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import * as node from 'node:crypto';

const noted: Uint8Array[] = [];
const note = <Bytes extends Uint8Array>(bytes: Bytes): Bytes => {
  noted.push(bytes);
  return bytes;
};

jest.unstable_mockModule('node:crypto', () => ({
  ...node,
  createPrivateKey: (der: { key: Buffer; format: 'der'; type: 'pkcs8' }) => {
    note(der.key);
    return node.createPrivateKey(der);
  },
  createHash: (algorithm: string, options?: node.HashOptions) => {
    const hash = node.createHash(algorithm, options);
    if (algorithm !== 'shake256') return hash;
    const digest = hash.digest.bind(hash) as () => Buffer; // called without an encoding
    return Object.assign(hash, { digest: () => note(digest()) });
  },
  createDecipheriv: (...inputs: Parameters<typeof node.createDecipheriv>) => {
    const decipher = node.createDecipheriv(...inputs);
    const update = decipher.update.bind(decipher);
    return Object.assign(decipher, { update: (bytes: Uint8Array) => note(update(bytes)) });
  },
  encapsulate: (key: node.KeyObject) => {
    const made = node.encapsulate(key);
    note(made.sharedKey);
    return made;
  },
  decapsulate: (key: node.KeyObject, ciphertext: Uint8Array) => note(node.decapsulate(key, ciphertext)),
  diffieHellman: (keys: Parameters<typeof node.diffieHellman>[0]) => note(node.diffieHellman(keys)),
  randomFillSync: (bytes: Uint8Array) => note(node.randomFillSync(bytes)),
}));

const { aeadOpen, aeadSeal, hpkeOpen, hpkeSeal, kemKeyPair, openEd25519 } = await import('../src/index.js');
const { xWingKem } = await import('../src/x-wing.js');

const seed = new Uint8Array(32).fill(7);
const info = new Uint8Array();
/** How many were noted, and whether all of them are zeros by now. */
const wiped = () => [noted.length, noted.every((bytes) => bytes.every((byte) => byte === 0))];

beforeEach(() => {
  noted.length = 0;
});

describe('is wiped:', () => {
  test('the encoding of an Ed25519 seed', () => {
    openEd25519(seed);
    expect(wiped()).toEqual([1, true]);
  });

  test('what an X-Wing seed expands to, and the encodings of its two keys', async () => {
    await kemKeyPair(seed);
    expect(wiped()).toEqual([3, true]);
  });

  test('the seed of a pair of keys that the KEM draws itself', async () => {
    await xWingKem().GenerateKeyPair(false);
    expect(wiped()).toEqual([4, true]);
  });

  test('both shared secrets, at the party that seals and at the one that opens', async () => {
    const { publicKey } = await kemKeyPair(seed);
    noted.length = 0;
    const sealed = await hpkeSeal(publicKey, info, Uint8Array.of(1, 2, 3));
    expect(wiped()).toEqual([2, true]);
    noted.length = 0;
    expect(await hpkeOpen(seed, info, sealed)).toEqual(Uint8Array.of(1, 2, 3));
    expect(wiped()).toEqual([3 + 2 + 1, true]); // of its own key; of the secrets; the plaintext as it was deciphered
  });

  test('a plaintext whose tag does not hold', () => {
    const sealed = aeadSeal(seed, Uint8Array.of(1, 2, 3), info);
    expect(() => aeadOpen(seed, sealed, Uint8Array.of(1))).toThrow();
    expect(wiped()).toEqual([1, true]);
  });
});
