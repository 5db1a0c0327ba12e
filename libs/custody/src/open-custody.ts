import type { Custody } from './custody.js';
import type { TokenOptions } from './pkcs11/connection.js';
import { openPkcs11Custody } from './pkcs11/open-pkcs11-custody.js';
import { openSoftwareCustody } from './software/open-software-custody.js';

/** Which custody a node has, and where. */
export type CustodyOptions =
  { readonly kind: 'software'; readonly file: string } | ({ readonly kind: 'pkcs11' } & TokenOptions);

/**
 * Opens the custody that a node is configured with.
 *
 * @param warn takes a sentence where the custody protects nothing
 * @throws what {@link openSoftwareCustody} and {@link openPkcs11Custody} throw
 */
export function openCustody(options: CustodyOptions, warn: (sentence: string) => void): Promise<Custody> {
  return options.kind === 'pkcs11' ? openPkcs11Custody(options) : openSoftwareCustody({ file: options.file, warn });
}
