import { kemKeyPair, randomBytes } from '@dta/crypto';
import { createIdentity, rotateIdentity, type Identity, type NewIdentity } from './identity.js';
import type { KeyGeneration, NextKey } from './key-file.js';
import { softwareSigningKey, type SigningKey } from './signing-key.js';

/** A signing key, and its seed [32] where a key file is to hold it; null where it lives in an HSM. */
export interface DrawnKey {
  readonly key: SigningKey;
  readonly seed: Uint8Array | null;
}

/** Keys of a new generation that aren't to be drawn for the key file. */
export interface ChosenKeys {
  /** made in an HSM */
  readonly own?: DrawnKey;
  /** public signing key [32] of the generation after it, which is kept elsewhere; null: there will be none */
  readonly next?: Uint8Array | null;
  /** or made in an HSM, and found there by the key file */
  readonly nextInCustody?: SigningKey;
}

/** What a successor is signed with. */
export interface SuccessorKeys extends ChosenKeys {
  /** the predecessor's key */
  readonly predecessor: SigningKey;
  /** the key that the predecessor committed to */
  readonly own: DrawnKey;
}

/** Draws a signing key. */
export function drawKey(): DrawnKey & { readonly seed: Uint8Array } {
  const seed = randomBytes(32);
  return { key: softwareSigningKey(seed), seed };
}

/**
 * Draws the keys of a new node and signs its first Identity Document with them, which commits to the signing key of the
 * second.
 */
export async function generateKeys(
  said: Omit<NewIdentity, 'kem' | 'next'>,
  { own = drawKey(), ...chosen }: ChosenKeys = {},
): Promise<KeyGeneration> {
  return complete(own, chosen, (keys) => createIdentity({ ...said, ...keys }, own.key));
}

/**
 * Makes the next generation of a node's keys, likewise, around the signing key that the last one committed to. Both that and
 * the predecessor's key sign its Identity Document, which has the predecessor's roles.
 */
export async function generateSuccessor(
  predecessor: Identity,
  { predecessor: predecessorKey, own, ...chosen }: SuccessorKeys,
  said: Pick<NewIdentity, 'name' | 'now'>,
): Promise<KeyGeneration> {
  const { roles, extension } = predecessor;
  return complete(own, chosen, (keys) =>
    rotateIdentity(predecessor, { ...said, roles, extension, ...keys }, own.key, predecessorKey),
  );
}

async function complete(
  own: DrawnKey,
  { next: elsewhere, nextInCustody }: Omit<ChosenKeys, 'own'>,
  sign: (keys: Pick<NewIdentity, 'kem' | 'next'>) => Promise<Identity>,
): Promise<KeyGeneration> {
  const { publicKey: kem, seed: kemSeed } = await kemKeyPair();
  const next = elsewhere === undefined ? nextKey(nextInCustody) : null;
  const committed = elsewhere ?? next?.publicKey;
  const { bytes: document } = await sign({ kem, ...(committed !== undefined && { next: committed }) });
  return { document, signSeed: own.seed, kemSeed, next };
}

function nextKey(inCustody: SigningKey | undefined): NextKey {
  if (inCustody !== undefined) return { publicKey: inCustody.publicKey, seed: null };
  const { key, seed } = drawKey();
  return { publicKey: key.publicKey, seed };
}
