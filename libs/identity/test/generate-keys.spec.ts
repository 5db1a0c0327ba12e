import { expect, test } from '@jest/globals';
import { ed25519PublicKey, kemKeyPair } from '@dta/crypto';
import {
  drawKey,
  generateKeys,
  generateSuccessor,
  nextKeyHash,
  readIdentity,
  softwareSigningKey,
  verifySuccession,
} from '@dta/identity';
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

test('the next generation has the signing key that was made with the last, and commits to another', async () => {
  const first = await generateKeys({ name: 'node', roles: ['fiduciary'], now: NOW });
  const seed = first.next?.seed ?? new Uint8Array();
  const identity = readIdentity(first.document);
  expect(identity.next).toEqual(nextKeyHash(first.next?.publicKey ?? new Uint8Array()));
  const keys = {
    predecessor: softwareSigningKey(first.signSeed ?? new Uint8Array()),
    own: { key: softwareSigningKey(seed), seed },
  };
  const second = await generateSuccessor(identity, keys, { name: 'node', now: NOW });
  const successor = readIdentity(second.document);
  expect(() => verifySuccession(identity, successor)).not.toThrow();
  expect(second.signSeed).toEqual(seed);
  expect(successor.next).toEqual(nextKeyHash(second.next?.publicKey ?? new Uint8Array()));
  expect(successor.next).not.toEqual(identity.next);
});

test('a key kept elsewhere is committed to and nowhere else; without one no successor can be', async () => {
  const said = { name: 'node', roles: ['fiduciary'], now: NOW } as const;
  const { key } = drawKey();
  const elsewhere = await generateKeys(said, { next: key.publicKey });
  expect(elsewhere.next).toBeNull();
  expect(readIdentity(elsewhere.document).next).toEqual(nextKeyHash(key.publicKey));
  const inCustody = await generateKeys(said, { nextInCustody: key });
  expect(inCustody.next).toEqual({ publicKey: key.publicKey, seed: null });
  const last = await generateKeys(said, { next: null });
  expect([last.next, readIdentity(last.document).next]).toEqual([null, null]);
});
