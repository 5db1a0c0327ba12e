import { kemKeyPair, randomBytes } from '@dta/crypto';
import { createIdentity, rotateIdentity, type Identity, type NewIdentity } from './identity.js';
import type { KeyGeneration } from './key-file.js';
import { softwareSigningKey, type SigningKey } from './signing-key.js';

/**
 * Draws the keys of a new node and signs its first Identity Document with them. Where its signing key lives in an HSM,
 * that is `signingKey`, and the generation has no seed of it.
 */
export async function generateKeys(said: Omit<NewIdentity, 'kem'>, signingKey?: SigningKey): Promise<KeyGeneration> {
  return draw((key, kem) => createIdentity({ ...said, kem }, key), signingKey);
}

/**
 * Draws the next generation of a node's keys, likewise; both the new key and the predecessor's sign its Identity Document,
 * which has the predecessor's roles.
 */
export async function generateSuccessor(
  predecessor: Identity,
  predecessorKey: SigningKey,
  said: Pick<NewIdentity, 'name' | 'now'>,
  signingKey?: SigningKey,
): Promise<KeyGeneration> {
  const { roles, extension } = predecessor;
  const sign = (key: SigningKey, kem: Uint8Array) =>
    rotateIdentity(predecessor, { ...said, roles, extension, kem }, key, predecessorKey);
  return draw(sign, signingKey);
}

async function draw(
  sign: (key: SigningKey, kem: Uint8Array) => Promise<Identity>,
  signingKey: SigningKey | undefined,
): Promise<KeyGeneration> {
  const { publicKey: kem, seed: kemSeed } = await kemKeyPair();
  const signSeed = randomBytes(32);
  const { bytes: document } = await sign(signingKey ?? softwareSigningKey(signSeed), kem);
  return { document, signSeed: signingKey === undefined ? signSeed : null, kemSeed };
}
