// budget: 90 s
// What an audit may be kept busy with: a thousand generations have to be signed for it.
import { expect, test } from '@jest/globals';
import { cidToBytes, type Cid } from '@dta/codec';
import { auditLog } from '@dta/envelope';
import { identityStatement, signStatement } from '@dta/identity';
import { Blocks, Publishing } from './log.js';
import { newNode } from './node.js';
import { refusal } from './refusal.js';

test('an audit reads 1,000 generations of a signer, and not one more', async () => {
  const blocks = new Blocks();
  const [node, peer] = [await newNode('fiduciary'), await newNode('principal')];
  const log = new Publishing(blocks, node, peer);
  const { key, identity } = node;
  const said = { issuer: null, order: null, createdAt: 0, name: 'node', roles: ['fiduciary' as const] };
  const keys = { sign: key.publicKey, kem: identity.keys.kem };
  const succeed = async (prev: Cid) => {
    const body = { ...said, keys, next: null, recovery: null, prev, extension: {} };
    return blocks.put((await signStatement(identityStatement, body, [key, key])).bytes);
  };
  const audit = async (issuer: Cid) => {
    const head = await log.segment([await log.envelope()], { body: { issuer: cidToBytes(issuer) } });
    return auditLog(blocks.read, { head, role: null, identity: null, seen: () => undefined });
  };
  let last = identity.cid; // successors by a key that their predecessor names no hash of
  for (let generation = 2; generation <= 1_000; generation++) last = await succeed(last);
  await expect(audit(last)).rejects.toMatchObject({
    code: 'identity_invalid',
    message: expect.not.stringContaining('no end'), // all were read, and the first succession refused
  });
  await expect(audit(await succeed(last))).rejects.toThrow(refusal('identity_invalid', /has no end/));
});
