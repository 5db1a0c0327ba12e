import { DtaError } from '@dta/errors';
import type { BeforeKey, Custody } from './custody.js';

/** The version of {@link CustodyProvider} that this release loads. */
export const CUSTODY_API_VERSION = 1;

/**
 * A custody of another maker's, version 1: a package whose default export is one of these. It runs in the role's process, as
 * custody has to, with all that the process may do; what it opens must pass the suite at `@dta/custody/compliance`.
 *
 * @see docs/plugins.md, "Custody"
 */
export interface CustodyProvider {
  readonly apiVersion: typeof CUSTODY_API_VERSION;
  /** What the node's status calls it: 1 to 32 of a–z, 0–9 and -. */
  readonly kind: string;
  /**
   * Opens it: once a process, at the start. Replicas of a role are given the same settings and must see the same keys.
   *
   * @param settings the text that the operator gave as CUSTODY_PROVIDER_SETTINGS, which may hold a secret
   * @param warn takes a sentence for the log, where it protects less than an HSM does
   * @param beforeKey to be asked before it makes a key; what that rejects with is what `seal` rejects with
   * @throws `custody_unavailable`, `custody_invalid`
   */
  open(settings: string, warn: (sentence: string) => void, beforeKey: BeforeKey): Promise<Custody>;
}

/**
 * Loads a provider and opens its custody.
 *
 * @param specifier what to import
 * @throws `start_failed` for one that can't be loaded, beside what its `open` throws
 */
export async function openProvidedCustody(
  specifier: string,
  settings: string,
  warn: (sentence: string) => void,
  beforeKey: BeforeKey = async () => undefined,
): Promise<Custody> {
  const provider = await load(specifier);
  const { apiVersion, kind } = provider;
  if (
    apiVersion !== CUSTODY_API_VERSION ||
    typeof provider.open !== 'function' ||
    !/^[a-z0-9-]{1,32}$/.test(kind ?? '')
  )
    throw new DtaError('start_failed', `the custody provider is not one of API version ${CUSTODY_API_VERSION}`);
  return provider.open(settings, warn, beforeKey);
}

async function load(specifier: string): Promise<Partial<CustodyProvider>> {
  try {
    const module = (await import(specifier)) as { readonly default?: Partial<CustodyProvider> }; // looked at above
    return module.default ?? {};
  } catch (cause) {
    throw new DtaError('start_failed', 'the custody provider can not be loaded', { cause });
  }
}
