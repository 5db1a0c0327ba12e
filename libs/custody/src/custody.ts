import { DtaError } from '@dta/errors';
import type { SigningKey } from '@dta/identity';

/**
 * Name of a key-encryption key inside a provider: `identity` for key files, `<role>-<node>-period-<n>` for the secrets of
 * one role's key period n.
 * 1 to 40 of a–z, 0–9 and -.
 */
export type KeyName = string;

/**
 * Where a node's key-encryption keys live: an HSM, or a file. The port's promises are checked by the suite at
 * `@dta/custody/compliance`, which every adapter passes. A provider that can't be reached answers
 * `custody_unavailable`.
 */
export interface Custody {
  /** `software` or `pkcs11` */
  readonly kind: string;
  /** Whether an erased key is gone for certain: false for software, which can only say so of a file in no backup. */
  readonly erasesForCertain: boolean;
  /**
   * Seals with AES-256-GCM under a random iv, `context` as AAD; makes the key at its first use. The answer describes
   * itself. A destroyed name may be used again and is then another key.
   *
   * @throws `custody_invalid` for a name that is none
   */
  seal(key: KeyName, context: Uint8Array, plaintext: Uint8Array): Promise<Uint8Array>;
  /**
   * Opens what {@link Custody.seal} sealed under the same key and context. Never makes a key.
   *
   * @throws `custody_invalid`, with one message, for another context or key, other bytes, or a destroyed key
   */
  open(key: KeyName, context: Uint8Array, sealed: Uint8Array): Promise<Uint8Array>;
  /** Randomness of the provider's own; callers mix it with the system's themselves. */
  random(length: number): Promise<Uint8Array>;
  /** Destroys a key; what it sealed never opens again. Nothing happens where there is none. */
  destroy(key: KeyName): Promise<void>;
  /** The names of the keys there are, sorted. */
  keys(): Promise<KeyName[]>;
  /** Ed25519 keys that never leave the provider; absent where it has none. */
  readonly signing?: CustodySigning;
  /** Lets go of the provider; afterwards all else answers `custody_unavailable`. May be called twice. */
  close(): Promise<void>;
}

/**
 * Asked before a provider makes a key-encryption key, which it does at a name's first use. Rejects where none may be made:
 * where rows lie sealed under keys that the provider hasn't got, a new one would hide that it is another, or was emptied.
 */
export type BeforeKey = (key: KeyName) => Promise<void>;

/** Signing keys inside a provider. They are found by their public key [32]. */
export interface CustodySigning {
  /** Has the provider make one. @throws `custody_unavailable` where it can't */
  create(): Promise<SigningKey>;
  /** @throws `custody_invalid` where there is none that belongs to `publicKey` */
  open(publicKey: Uint8Array): Promise<SigningKey>;
  /** Destroys one. Nothing happens where there is none. */
  destroy(publicKey: Uint8Array): Promise<void>;
}

/** What a key may be called, see {@link KeyName}. */
export const keyNamePattern = /^[a-z0-9-]{1,40}$/;

/** For adapters. @throws `custody_invalid` unless `key` is a {@link KeyName} */
export function assertKeyName(key: KeyName): void {
  if (!keyNamePattern.test(key)) throw new DtaError('custody_invalid', 'not a name of a custody key');
}

/** For adapters: the one answer to whatever doesn't open, so that it can't serve as an oracle. */
export function doesNotOpen(): DtaError {
  return new DtaError('custody_invalid', 'custody does not open this');
}
