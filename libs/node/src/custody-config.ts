import type { CustodyOptions } from '@dta/custody';
import { importSpecifier } from '@dta/plugin/host';
import { secret } from '@dta/service';
import { z } from 'zod';

/** The token of an HSM: for custody, and for `dta custody check`. */
export const pkcs11Settings = {
  CUSTODY_PKCS11_MODULE: z.string().describe('PKCS#11 module of the HSM, a shared library: custody is a token of it'),
  CUSTODY_PKCS11_TOKEN: z.string().max(32).describe('label of the token'),
  CUSTODY_PKCS11_PIN: secret(z.string()).describe("PIN of the token's user"),
};

/** Settings of a node's custody: software, a token, or a provider of somebody else's. */
export const custodySettings = {
  CUSTODY_SOFTWARE: z
    .string()
    .optional()
    .describe('or key file of the software custody provider, which protects nothing'),
  CUSTODY_PKCS11_MODULE: pkcs11Settings.CUSTODY_PKCS11_MODULE.optional(),
  CUSTODY_PKCS11_TOKEN: pkcs11Settings.CUSTODY_PKCS11_TOKEN.optional(),
  CUSTODY_PKCS11_PIN: pkcs11Settings.CUSTODY_PKCS11_PIN.optional(),
  CUSTODY_PROVIDER: z.string().optional().describe("or a custody provider of somebody else's: npm package, or folder"),
  CUSTODY_PROVIDER_SETTINGS: secret(z.string()).optional().describe('what that provider is told'),
};

const schema = z.object(custodySettings);
type CustodyConfig = z.output<typeof schema>;

/** For the schema of whoever has {@link custodySettings}: exactly one custody is named, and in full. */
export function oneCustody(config: CustodyConfig, context: z.RefinementCtx): void {
  const token = [config.CUSTODY_PKCS11_MODULE, config.CUSTODY_PKCS11_TOKEN, config.CUSTODY_PKCS11_PIN];
  const given = token.filter((value) => value !== undefined).length;
  const fault = (message: string) => context.addIssue({ code: 'custom', message });
  if (config.CUSTODY_PROVIDER !== undefined) {
    if (given > 0 || config.CUSTODY_SOFTWARE !== undefined)
      fault('custody is CUSTODY_PROVIDER alone, or CUSTODY_PKCS11_*, or CUSTODY_SOFTWARE');
  } else if (config.CUSTODY_SOFTWARE !== undefined) {
    if (given > 0) fault('custody is either CUSTODY_SOFTWARE or CUSTODY_PKCS11_*, not both');
  } else if (given === 0) {
    fault(
      'custody is missing: CUSTODY_PKCS11_MODULE, CUSTODY_PKCS11_TOKEN and CUSTODY_PKCS11_PIN, or CUSTODY_SOFTWARE',
    );
  } else if (given < token.length) {
    fault('custody in a token needs CUSTODY_PKCS11_MODULE, CUSTODY_PKCS11_TOKEN and CUSTODY_PKCS11_PIN');
  }
}

/**
 * The custody that settings name.
 *
 * @throws RangeError where they name none, which {@link oneCustody} refuses; `start_failed` for a folder without a package
 */
export function custodyOptions(config: CustodyConfig): CustodyOptions {
  const { CUSTODY_SOFTWARE: file, CUSTODY_PKCS11_MODULE: module, CUSTODY_PKCS11_TOKEN: token } = config;
  const { CUSTODY_PROVIDER: provider, CUSTODY_PROVIDER_SETTINGS: settings = '' } = config;
  if (provider !== undefined) return { kind: 'provider', specifier: importSpecifier(provider), settings };
  if (file !== undefined) return { kind: 'software', file };
  const pin = config.CUSTODY_PKCS11_PIN;
  if (module === undefined || token === undefined || pin === undefined) throw new RangeError('no custody is named');
  return { kind: 'pkcs11', module, token, pin };
}
