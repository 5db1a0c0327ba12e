import type { Cid } from '@dta/codec';
import { encodeBundle, sealEnvelope } from '@dta/envelope';
import { isDtaError } from '@dta/errors';
import { revokeIdentity, signStatement } from '@dta/identity';
import { forwardStatement } from '@dta/order';
import { known } from '@dta/order/testing';
import { successorOf, type Member, type RoleRig } from './role-rig.js';

/** An identity document or a Revocation. */
interface News {
  readonly cid: Cid;
  readonly bytes: Uint8Array;
}

/**
 * Says of identities, in the name of `by`, to a real role: verb `identity`. Where it freezes the sender's own chain the role
 * takes it and has no key to answer to.
 */
export async function tell(rig: RoleRig, by: Member, to: Member, news: readonly News[]): Promise<void> {
  const said = { issuer: by.identity.cid, order: null, createdAt: Date.now() };
  const forward = await signStatement(forwardStatement, { ...said, statements: news.map(({ cid }) => cid) }, [by.key]);
  const [from, role] = [known(by.identity.roles[0]), known(to.identity.roles[0])];
  const { bytes } = await sealEnvelope(
    {
      ...{ sender: by.identity, from, order: null, prev: [], log: false, now: Date.now() },
      recipients: [{ id: to.identity.cid, role, kem: to.identity.keys.kem }],
      statements: [forward.bytes, ...news.map((one) => one.bytes)],
    },
    by.key,
  );
  const payload = encodeBundle({ envelopes: [bytes], attachments: [], identities: [by.identity.bytes] });
  await rig.request(to.identity.cid, role, 'identity', payload).catch((error: unknown) => {
    if (!isDtaError(error, 'identity_frozen')) throw error;
  });
}

/** How a principal's document comes to its end: what it tells others of it. */
export const ends: readonly (readonly [how: string, news: (of: Member) => Promise<readonly News[]>])[] = [
  ['revoked', async ({ identity, key }) => [await revokeIdentity(identity.cid, 'stolen', key, Date.now())]],
  ['frozen', async (of) => [(await successorOf(of)).identity, (await successorOf(of)).identity]],
  ['followed by another', async (of) => [(await successorOf(of)).identity]],
];
