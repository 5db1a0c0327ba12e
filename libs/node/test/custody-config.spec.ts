import { expect, test } from '@jest/globals';
import { readConfig } from '@dta/service';
import { z } from 'zod';
import { custodyOptions, custodySettings, oneCustody } from '../src/index.js';

const schema = z.strictObject(custodySettings).superRefine(oneCustody);
const token = { CUSTODY_PKCS11_MODULE: '/m.so', CUSTODY_PKCS11_TOKEN: 'dta', CUSTODY_PKCS11_PIN: '1234' };

test('custody is software, or a token with its PIN', () => {
  expect(custodyOptions(readConfig(schema, { CUSTODY_SOFTWARE: '/c' }))).toEqual({ kind: 'software', file: '/c' });
  const options = { kind: 'pkcs11', module: '/m.so', token: 'dta', pin: '1234' };
  expect(custodyOptions(readConfig(schema, token))).toEqual(options);
});

test.each<[string, Record<string, string>, RegExp]>([
  ['none', {}, /custody is missing: CUSTODY_PKCS11_MODULE/],
  ['both', { ...token, CUSTODY_SOFTWARE: '/c' }, /either CUSTODY_SOFTWARE or CUSTODY_PKCS11_\*, not both/],
  ['one and part of the other', { CUSTODY_PKCS11_PIN: '1234', CUSTODY_SOFTWARE: '/c' }, /not both/],
  [
    'a token without a PIN',
    { ...token, CUSTODY_PKCS11_PIN: '' },
    /needs CUSTODY_PKCS11_MODULE, .* and CUSTODY_PKCS11_PIN/,
  ],
  ['a PIN without a token', { CUSTODY_PKCS11_PIN: '1234' }, /needs CUSTODY_PKCS11_MODULE/],
  ['a label that no token can have', { ...token, CUSTODY_PKCS11_TOKEN: 'x'.repeat(33) }, /CUSTODY_PKCS11_TOKEN/],
])('%s is refused', (_, environment, sentence) => {
  expect(() => readConfig(schema, environment)).toThrow(sentence);
});
