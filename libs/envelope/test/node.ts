import { kemKeyPair, openKem, randomBytes, type KemPrivateKey } from '@dta/crypto';
import type { Opener, Recipient } from '@dta/envelope';
import {
  createIdentity,
  rotateIdentity,
  softwareSigningKey,
  type Identity,
  type Role,
  type SigningKey,
} from '@dta/identity';

/** When everything in these tests is said. */
export const NOW = 1_700_000_000_000;

/** A node with both halves of its keys. */
export interface TestNode {
  readonly identity: Identity;
  readonly key: SigningKey;
  /** what its document commits to */
  readonly next: SigningKey;
  readonly kem: KemPrivateKey;
}

/** A node of one document. */
export async function newNode(...roles: Role[]): Promise<TestNode> {
  const { publicKey, seed } = await kemKeyPair();
  const [key, next] = [newKey(), newKey()];
  const said = { name: 'node', roles, kem: publicKey, next: next.publicKey, now: NOW };
  return { identity: await createIdentity(said, key), key, next, kem: await openKem(seed) };
}

/** The node after a rotation. */
export async function rotated({ identity, key, next: own }: TestNode): Promise<TestNode> {
  const { publicKey, seed } = await kemKeyPair();
  const next = newKey();
  const said = { name: 'node', roles: identity.roles, kem: publicKey, next: next.publicKey, now: NOW };
  return { identity: await rotateIdentity(identity, said, own, key), key: own, next, kem: await openKem(seed) };
}

const newKey = () => softwareSigningKey(randomBytes(32));

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
