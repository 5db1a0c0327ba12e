import { expect, test } from '@jest/globals';
import { readConfig } from '@dta/service';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { custodyOptions, custodySettings, oneCustody } from '../src/index.js';

const schema = z.strictObject(custodySettings).superRefine(oneCustody);
const root = join(import.meta.dirname, '../../../..');

test('a custody provider is named by package or folder, with settings of its own', () => {
  const folder = join(root, 'examples/passphrase-custody');
  const env = { CUSTODY_PROVIDER: folder, CUSTODY_PROVIDER_SETTINGS: 'folder:passphrase' };
  expect(custodyOptions(readConfig(schema, env))).toEqual({
    kind: 'provider',
    specifier: pathToFileURL(join(folder, 'dist/src/index.js')).href,
    settings: 'folder:passphrase',
  });
  expect(custodyOptions(readConfig(schema, { CUSTODY_PROVIDER: '@vault/custody' }))).toEqual({
    ...{ kind: 'provider', specifier: '@vault/custody', settings: '' },
  });
});

test.each([
  [{ CUSTODY_PROVIDER: '@vault/custody', CUSTODY_SOFTWARE: 'file' }, 'alone'],
  [{ CUSTODY_PROVIDER: '@vault/custody', CUSTODY_PKCS11_TOKEN: 'token' }, 'alone'],
  [{ CUSTODY_PROVIDER_SETTINGS: 'folder:passphrase' }, 'custody is missing'],
])('settings of %j are refused', (env, reason) => {
  expect(() => readConfig(schema, env)).toThrow(reason);
});
