import { expect, test } from '@jest/globals';
import { decideFork, decisionStatement, parseStatement, verifyDecision } from '@dta/identity';
import { newKey, newNode, NOW, rotated } from './node.js';
import { refusal } from './refusal.js';

const recovery = newKey();
const first = await newNode({ recovery: recovery.publicKey });
const second = await rotated(first);
const lineage = [first.identity, second.identity];
const decide = (by = recovery, identity = second.identity.cid) => decideFork(identity, 'ours', by, NOW);

test('is good by the first document’s recovery key, read back from its bytes', async () => {
  const { bytes } = await decide();
  const decision = parseStatement([decisionStatement], bytes);
  expect(decision.body).toMatchObject({ identity: second.identity.cid, issuer: second.identity.cid, reason: 'ours' });
  expect(() => verifyDecision(decision, lineage)).not.toThrow();
});

test('is refused by any key of the node, and by anybody else’s', async () => {
  for (const by of [first.key, second.key, second.next, newKey()]) {
    const decision = await decide(by);
    expect(() => verifyDecision(decision, lineage)).toThrow(refusal('signature_invalid'));
  }
});

test('is refused of another document, of none, and of a chain without a recovery key', async () => {
  const decision = await decide();
  for (const other of [[first.identity], []])
    expect(() => verifyDecision(decision, other)).toThrow(refusal('identity_invalid'));
  const plain = await newNode();
  const without = await decide(recovery, plain.identity.cid);
  expect(() => verifyDecision(without, [plain.identity])).toThrow(refusal('signature_invalid'));
});
