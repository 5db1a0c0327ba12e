import { kemKeyPair, randomBytes } from '@dta/crypto';
import { createIdentity, type NewIdentity } from './identity.js';
import type { KeyGeneration } from './key-file.js';
import { softwareSigningKey } from './signing-key.js';

/** Draws the keys of a new node and signs its first Identity Document with them. */
export async function generateKeys(said: Omit<NewIdentity, 'kem'>): Promise<KeyGeneration> {
  const signSeed = randomBytes(32);
  const { publicKey: kem, seed: kemSeed } = await kemKeyPair();
  const { bytes: document } = await createIdentity({ ...said, kem }, softwareSigningKey(signSeed));
  return { document, signSeed, kemSeed };
}
