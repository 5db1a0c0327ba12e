import { kemKeyPair, openKem, randomBytes, type KemPrivateKey } from '@dta/crypto';
import type { Opener, Recipient } from '@dta/envelope';
import { createIdentity, softwareSigningKey, type Identity, type Role, type SigningKey } from '@dta/identity';

/** When everything in these tests is said. */
export const NOW = 1_700_000_000_000;

/** A node with both halves of its keys. */
export interface TestNode {
  readonly identity: Identity;
  readonly key: SigningKey;
  readonly kem: KemPrivateKey;
}

/** A node of one document. */
export async function newNode(...roles: Role[]): Promise<TestNode> {
  const { publicKey, seed } = await kemKeyPair();
  const key = softwareSigningKey(randomBytes(32));
  const identity = await createIdentity({ name: 'node', roles, kem: publicKey, now: NOW }, key);
  return { identity, key, kem: await openKem(seed) };
}

/** The node as a recipient, in its first role unless another is named. */
export function recipient({ identity }: TestNode, role = firstRole(identity)): Recipient {
  return { id: identity.cid, role, kem: identity.keys.kem };
}

/** The node as an opener, in its first role unless another is named. */
export function opener({ identity, kem }: TestNode, role = firstRole(identity)): Opener {
  return { id: identity.cid, role, keyHash: identity.keys.kemHash, key: kem };
}

function firstRole(identity: Identity): Role {
  return identity.roles[0] ?? 'principal';
}
