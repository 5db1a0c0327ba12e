import { expect, test } from '@jest/globals';
import { ed25519PublicKey, kemKeyPair } from '@dta/crypto';
import { generateKeys, readIdentity } from '@dta/identity';
import { NOW } from './node.js';

test('the keys of a new node are those of its document, and nobody else has them', async () => {
  const said = { name: 'node', roles: ['fiduciary'], now: NOW } as const;
  const [keys, others] = [await generateKeys(said), await generateKeys(said)];
  const identity = readIdentity(keys.document);
  expect(identity).toMatchObject({ name: 'node', roles: ['fiduciary'], prev: null });
  expect(identity.keys.sign).toEqual(ed25519PublicKey(keys.signSeed ?? new Uint8Array()));
  expect(identity.keys.kem).toEqual((await kemKeyPair(keys.kemSeed)).publicKey);
  expect(Buffer.from(keys.kemSeed).equals(others.kemSeed)).toBe(false);
  expect(Buffer.from(keys.signSeed ?? []).equals(others.signSeed ?? new Uint8Array())).toBe(false);
});
