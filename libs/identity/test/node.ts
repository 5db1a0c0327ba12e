import { kemKeyPair, randomBytes } from '@dta/crypto';
import {
  createIdentity,
  rotateIdentity,
  softwareSigningKey,
  type Identity,
  type NewIdentity,
  type SigningKey,
} from '@dta/identity';

/** When everything in these tests is said. */
export const NOW = 1_700_000_000_000;

/** One generation of a node. */
export interface TestNode {
  readonly identity: Identity;
  readonly key: SigningKey;
  /** what its document commits to */
  readonly next: SigningKey;
  readonly said: NewIdentity;
}

/** A signing key nobody else has. */
export function newKey(): SigningKey {
  return softwareSigningKey(randomBytes(32));
}

/** What a new document says, with a KEM key of its own. */
export async function newSaid(said: Partial<NewIdentity> = {}): Promise<NewIdentity> {
  return { name: 'node', roles: ['fiduciary'], kem: (await kemKeyPair()).publicKey, now: NOW, ...said };
}

/** A node of one document. */
export async function newNode(said: Partial<NewIdentity> = {}): Promise<TestNode> {
  const [key, next] = [newKey(), newKey()];
  const full = await newSaid({ next: next.publicKey, ...said });
  return { identity: await createIdentity(full, key), key, next, said: full };
}

/** The next generation of a node, as its owner makes it, or a thief of the same keys. */
export async function rotated(
  { identity, key, next: own }: Pick<TestNode, 'identity' | 'key' | 'next'>,
  said: Partial<NewIdentity> = {},
): Promise<TestNode> {
  const next = newKey();
  const full = await newSaid({ roles: identity.roles, next: next.publicKey, ...said });
  return { identity: await rotateIdentity(identity, full, own, key), key: own, next, said: full };
}
