import { DtaError } from '@dta/errors';
import type * as Pkcs11 from 'pkcs11js';

/** What the package `pkcs11js` exports. */
export type Pkcs11js = typeof Pkcs11;
/** A module's functions, as loaded. */
export type Cryptoki = Pkcs11.PKCS11;
/** A slot, a session or an object. */
export type Handle = Pkcs11.Handle;
/** What an object is asked for or made with. */
export type Template = Pkcs11.Attribute[];
/** What an operation is started with. */
export type Mechanism = Pkcs11.Mechanism;

/** Of PKCS#11 3.0, which modules of 2.40 offer under the same numbers; pkcs11js doesn't name them. */
export const edwards = {
  CKK_EC_EDWARDS: 0x40,
  CKM_EC_EDWARDS_KEY_PAIR_GEN: 0x1055,
  CKM_EDDSA: 0x1057,
} as const;

let loaded: Promise<Pkcs11js> | undefined;

/**
 * The package that speaks to modules. It is native code that has to be compiled, so nothing loads it but who wants an HSM.
 *
 * @throws `custody_unavailable` where it isn't compiled
 */
export function loadPkcs11js(): Promise<Pkcs11js> {
  // its functions are exported once more as one default, which is all that a module of CommonJS promises
  loaded ??= import('pkcs11js').then(
    (namespace) => namespace.default,
    (cause: unknown) => {
      loaded = undefined;
      throw new DtaError(
        'custody_unavailable',
        'custody by PKCS#11 needs pkcs11js compiled: install g++, make and Python 3, then run `npm run build:pkcs11`',
        { cause },
      );
    },
  );
  return loaded;
}

/** The name of the return value that a call ended with, such as CKR_PIN_INCORRECT; undefined for what is none. */
export function returnValue(error: unknown): string | undefined {
  return /^(CKR_\w+)/.exec(messageOf(error))?.[1];
}

/** Native code's errors may be another realm's, of which `instanceof` knows nothing. */
export function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : '';
}

/** Runs a call that may fail where nothing hangs on it: closing what may be gone. */
export function quietly(call: () => void): void {
  try {
    call();
  } catch {
    // gone already
  }
}

/** Whether a call failed because the object isn't there: destroyed by a replica, or gone with its token. */
export function isNoObject(error: unknown): boolean {
  const value = returnValue(error);
  return value === 'CKR_OBJECT_HANDLE_INVALID' || value === 'CKR_KEY_HANDLE_INVALID';
}
