import type { CustodyProvider } from '@dta/custody';
import { DtaError } from '@dta/errors';
import { mkdirSync } from 'node:fs';
import { KeyFolder } from './key-folder.js';
import { openPassphraseCustody } from './passphrase-custody.js';

/**
 * Custody in a folder, each key in a file under a passphrase: an example of a provider, **not for production**. The settings
 * are `<folder>:<passphrase>`. A party that has the folder can try passphrases for ever, and one that sees the process
 * has the keys: an HSM has neither fault.
 */
const provider: CustodyProvider = {
  apiVersion: 1,
  kind: 'passphrase',
  open: async (settings, warn, beforeKey) => {
    const at = settings.indexOf(':');
    const [folder, passphrase] = [settings.slice(0, at), settings.slice(at + 1)];
    if (at < 1 || passphrase === '') throw new DtaError('custody_invalid', 'settings must be <folder>:<passphrase>');
    warn('Custody is an example, keys in files under a passphrase: not for production.');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return openPassphraseCustody(new KeyFolder(folder, passphrase), beforeKey);
  },
};

export default provider;
