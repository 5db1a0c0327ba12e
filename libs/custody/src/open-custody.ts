import type { BeforeKey, Custody } from './custody.js';
import type { TokenOptions } from './pkcs11/connection.js';
import { openProvidedCustody } from './custody-provider.js';
import { openPkcs11Custody } from './pkcs11/open-pkcs11-custody.js';
import { openSoftwareCustody } from './software/open-software-custody.js';

/** Which custody a node has, and where. */
export type CustodyOptions =
  | { readonly kind: 'software'; readonly file: string }
  | ({ readonly kind: 'pkcs11' } & TokenOptions)
  /** a package's: what to import, and its own settings */
  | { readonly kind: 'provider'; readonly specifier: string; readonly settings: string };

/**
 * Opens the custody that a node is configured with.
 *
 * @param warn takes a sentence where the custody protects nothing
 * @param beforeKey asked before custody makes a key; nothing is by default
 * @throws what {@link openSoftwareCustody}, {@link openPkcs11Custody} and {@link openProvidedCustody} throw
 */
export function openCustody(
  options: CustodyOptions,
  warn: (sentence: string) => void,
  beforeKey?: BeforeKey,
): Promise<Custody> {
  switch (options.kind) {
    case 'pkcs11':
      return openPkcs11Custody(options, beforeKey);
    case 'software':
      return openSoftwareCustody({ file: options.file, warn, ...(beforeKey !== undefined && { beforeKey }) });
    case 'provider':
      return openProvidedCustody(options.specifier, options.settings, warn, beforeKey);
  }
}
