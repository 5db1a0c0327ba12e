import type { TokenOptions } from '@dta/custody';
import { readConfig } from '@dta/service';
import { tokenSettings } from './config.js';

/** The token that the environment names. @throws `configuration_invalid` */
export function readToken(environment: Readonly<Record<string, string | undefined>>): TokenOptions {
  const settings = readConfig(tokenSettings, environment);
  return {
    module: settings.CUSTODY_PKCS11_MODULE,
    token: settings.CUSTODY_PKCS11_TOKEN,
    pin: settings.CUSTODY_PKCS11_PIN,
  };
}
