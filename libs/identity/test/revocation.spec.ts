import { expect, test } from '@jest/globals';
import { revocationStatement, revokeIdentity, parseStatement, verifyRevocation } from '@dta/identity';
import { newKey, newNode, NOW, rotated } from './node.js';
import { refusal } from './refusal.js';

const recovery = newKey();
const first = await newNode({ recovery: recovery.publicKey });
const { identity: second, key: newest } = await rotated(first);
const chain = [first.identity, second];
const revoke = (by: Parameters<typeof revokeIdentity>[2], identity = second.cid) =>
  revokeIdentity(identity, 'key lost', by, NOW);

test('is good by the newest key, read back from its bytes', async () => {
  const { bytes } = await revoke(newest);
  const revocation = parseStatement([revocationStatement], bytes);
  expect(revocation.body).toMatchObject({ identity: second.cid, issuer: second.cid, reason: 'key lost' });
  expect(() => verifyRevocation(revocation, chain)).not.toThrow();
});

test('is good by the first document’s recovery key, whichever document it names', async () => {
  for (const identity of [first.identity.cid, second.cid]) {
    const revocation = await revoke(recovery, identity);
    expect(() => verifyRevocation(revocation, chain)).not.toThrow();
  }
});

test('may name a document that is known beside the line, and is by the same keys', async () => {
  const { identity: rival } = await rotated(first);
  const known = [...chain, rival];
  for (const by of [recovery, newest]) {
    const revocation = await revoke(by, rival.cid);
    expect(() => verifyRevocation(revocation, chain, known)).not.toThrow();
    expect(() => verifyRevocation(revocation, chain)).toThrow(refusal('identity_invalid'));
  }
  const byRetired = await revoke(first.key, rival.cid);
  expect(() => verifyRevocation(byRetired, chain, known)).toThrow(refusal('signature_invalid'));
});

test('is refused by the predecessor’s key and by anybody else’s', async () => {
  for (const by of [first.key, newKey()]) {
    const revocation = await revoke(by);
    expect(() => verifyRevocation(revocation, chain)).toThrow(refusal('signature_invalid'));
  }
});

test('is good by the predecessor’s key while nobody followed', async () => {
  const revocation = await revoke(first.key, first.identity.cid);
  expect(() => verifyRevocation(revocation, [first.identity])).not.toThrow();
});

test('is refused by a recovery key that the chain does not name', async () => {
  const plain = await newNode();
  const revocation = await revoke(recovery, plain.identity.cid);
  expect(() => verifyRevocation(revocation, [plain.identity])).toThrow(refusal('signature_invalid'));
});

test('is refused of another chain, and of none', async () => {
  const stranger = await newNode();
  const revocation = await revoke(stranger.key, stranger.identity.cid);
  expect(() => verifyRevocation(revocation, chain)).toThrow(refusal('identity_invalid'));
  expect(() => verifyRevocation(revocation, [])).toThrow(refusal('identity_invalid'));
});
