import { kemKeyPair, randomBytes } from '@dta/crypto';
import { createIdentity, type NewIdentity } from './identity.js';
import type { KeyGeneration } from './key-file.js';
import { softwareSigningKey, type SigningKey } from './signing-key.js';

/**
 * Draws the keys of a new node and signs its first Identity Document with them. Where its signing key lives in an HSM,
 * that is `signingKey`, and the generation has no seed of it.
 */
export async function generateKeys(said: Omit<NewIdentity, 'kem'>, signingKey?: SigningKey): Promise<KeyGeneration> {
  const { publicKey: kem, seed: kemSeed } = await kemKeyPair();
  const signSeed = randomBytes(32);
  const { bytes: document } = await createIdentity({ ...said, kem }, signingKey ?? softwareSigningKey(signSeed));
  return { document, signSeed: signingKey === undefined ? signSeed : null, kemSeed };
}
