import { DtaError } from '@dta/errors';
import { loadPkcs11js, messageOf, quietly, returnValue, type Cryptoki, type Pkcs11js } from './cryptoki.js';
import { makePermits, type Permits } from './permits.js';

/**
 * Calls that a process has under way at a module. They run on the four threads that Node has for such work, and one is
 * left: a module that hangs must not stop files and passphrases too.
 */
export const CALLS_AT_A_TIME = 3;

/** A PKCS#11 module, loaded and initialised; all of the process share one, since Cryptoki counts by process. */
export interface Pkcs11Module {
  readonly path: string;
  readonly pkcs11js: Pkcs11js;
  readonly cryptoki: Cryptoki;
  /** {@link CALLS_AT_A_TIME} of them: each call takes one, and all are taken by who needs the module for itself. */
  readonly permits: Permits;
  /** Changes whenever sessions and handles have become void. */
  generation(): number;
  /** Ends Cryptoki in this process and begins it again, for the holder of all permits. @throws what the module says */
  reinitialize(): void;
  /** Lets go; the last one ends Cryptoki. */
  release(): Promise<void>;
}

interface Loaded extends Pkcs11Module {
  users: number;
}

const modules = new Map<string, Promise<Loaded>>();

/**
 * Loads a module, or gives the one that this process has.
 *
 * @throws `custody_unavailable` where there is none at `path`, or it can't be initialised
 */
export async function openModule(path: string): Promise<Pkcs11Module> {
  let opening = modules.get(path);
  if (opening === undefined) {
    opening = load(path);
    modules.set(path, opening);
    opening.catch(() => modules.delete(path));
  }
  const module = await opening;
  if (module.users === 0) initialize(module);
  module.users += 1;
  return module;
}

async function load(path: string): Promise<Loaded> {
  const pkcs11js = await loadPkcs11js();
  const cryptoki = new pkcs11js.PKCS11();
  try {
    cryptoki.load(path);
  } catch (cause) {
    throw new DtaError('custody_unavailable', `there is no PKCS#11 module to load: ${messageOf(cause)}`, { cause });
  }
  const permits = makePermits(CALLS_AT_A_TIME);
  let generation = 0;
  const module: Loaded = {
    ...{ path, pkcs11js, cryptoki, permits, users: 0 },
    generation: () => generation,
    reinitialize: () => {
      generation += 1;
      quietly(() => cryptoki.C_Finalize());
      initialize(module);
    },
    release: async () => {
      module.users -= 1;
      if (module.users > 0) return;
      await permits.take(CALLS_AT_A_TIME);
      // somebody may have opened it meanwhile
      if (module.users === 0) quietly(() => cryptoki.C_Finalize());
      permits.give(CALLS_AT_A_TIME);
    },
  };
  return module;
}

/** @throws `custody_unavailable` */
function initialize({ path, pkcs11js, cryptoki }: Pkcs11Module): void {
  try {
    cryptoki.C_Initialize({ flags: pkcs11js.CKF_OS_LOCKING_OK }); // its calls come from several threads
  } catch (cause) {
    if (returnValue(cause) === 'CKR_CRYPTOKI_ALREADY_INITIALIZED') return;
    const reason = returnValue(cause) ?? 'unknown reason';
    throw new DtaError('custody_unavailable', `the PKCS#11 module ${path} does not start: ${reason}`, { cause });
  }
}
