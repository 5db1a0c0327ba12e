import { ed25519PublicKey, ed25519Sign, openEd25519 } from '@dta/crypto';

/** A node's Ed25519 key, wherever it lives: in a key file, or in an HSM that never shows it. */
export interface SigningKey {
  /** [32] */
  readonly publicKey: Uint8Array;
  /** The Ed25519 signature [64] over `message`. The key signs only strings that start with "DTA-". */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** A signing key of a seed [32] in memory. */
export function softwareSigningKey(seed: Uint8Array): SigningKey {
  const key = openEd25519(seed);
  return {
    publicKey: ed25519PublicKey(key),
    // async, so that a fault is a rejection as it is with an HSM
    sign: async (message) => ed25519Sign(key, message),
  };
}
