import { kemKeyPair, openKem, wipe, type KemPrivateKey } from '@dta/crypto';
import type { CustodySigning } from '@dta/custody';
import type { Opener } from '@dta/envelope';
import { DtaError } from '@dta/errors';
import {
  IdentityDirectory,
  nextKeyHash,
  softwareSigningKey,
  type Identity,
  type KeyGeneration,
  type Role,
  type SigningKey,
} from '@dta/identity';
import type { Author } from '@dta/order';
import { bytesEqual, type Cid } from '@dta/codec';

interface Generation {
  readonly identity: Identity;
  readonly key: SigningKey;
  readonly kem: KemPrivateKey;
}

/** A node's own identity: every generation answers, the newest signs. */
export interface KeyRing {
  /** the chain's name */
  readonly first: Cid;
  /**
   * The newest document and its key, for whatever is signed. In a node that runs it is the node's word only while its chain
   * may speak. @throws `identity_frozen`
   */
  readonly author: Author;
  readonly newest: Identity;
  /** own documents, oldest first */
  readonly identities: readonly Identity[];
  /** that of each generation, for opening what was sealed to any of them */
  openers(role: Role): Opener[];
}

/**
 * Makes a key ring of a key file's generations, oldest first. Signing keys that the file doesn't hold are in custody,
 * whose `signing` opens them.
 *
 * @throws `key_file_invalid` where documents and keys don't belong together or don't form one chain, `custody_invalid`
 * where custody holds no such signing key
 */
export async function openKeyRing(generations: readonly KeyGeneration[], signing?: CustodySigning): Promise<KeyRing> {
  const directory = new IdentityDirectory();
  const identities = directory.add(generations.map(({ document }) => document));
  const all = await Promise.all(
    generations.map((generation, at) => openGeneration(generation, identities[at], signing)),
  );
  const [oldest, newest] = [all[0], all.at(-1)];
  if (oldest === undefined || newest === undefined)
    throw new DtaError('key_file_invalid', 'a key file has a generation');
  if (directory.chainOf(oldest.identity.cid).length !== all.length || oldest.identity.prev !== null) {
    throw new DtaError('key_file_invalid', 'the generations of a key file form one chain, oldest first');
  }
  return {
    first: oldest.identity.cid,
    author: newest,
    newest: newest.identity,
    identities: all.map(({ identity }) => identity),
    openers: (role) =>
      all.map(({ identity, kem }) => ({ id: identity.cid, role, keyHash: identity.keys.kemHash, key: kem })),
  };
}

async function openGeneration(
  generation: KeyGeneration,
  identity: Identity | undefined,
  signing: CustodySigning | undefined,
): Promise<Generation> {
  const key = await openSigningKey(generation, identity, signing);
  const { publicKey, seed } = await kemKeyPair(generation.kemSeed);
  wipe(seed);
  if (
    identity === undefined ||
    !bytesEqual(identity.keys.sign, key.publicKey) ||
    !bytesEqual(identity.keys.kem, publicKey) ||
    !isCommittedTo(generation, identity)
  ) {
    throw new DtaError('key_file_invalid', 'document and keys of a key file do not belong together');
  }
  return { identity, key, kem: await openKem(generation.kemSeed) };
}

/** Whether the key that a file holds for the next generation is the one that the document says. */
function isCommittedTo({ next }: KeyGeneration, identity: Identity): boolean {
  return next === null || (identity.next !== null && bytesEqual(nextKeyHash(next.publicKey), identity.next));
}

async function openSigningKey(
  { signSeed }: KeyGeneration,
  identity: Identity | undefined,
  signing: CustodySigning | undefined,
): Promise<SigningKey> {
  if (signSeed !== null) return softwareSigningKey(signSeed);
  if (signing === undefined || identity === undefined) {
    throw new DtaError('key_file_invalid', 'the signing key of this key file is in an HSM, which this custody is not');
  }
  return signing.open(identity.keys.sign);
}
