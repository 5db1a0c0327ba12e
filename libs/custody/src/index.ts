export {
  assertKeyName,
  doesNotOpen,
  type BeforeKey,
  type Custody,
  type CustodySigning,
  type KeyName,
} from './custody.js';
export { keyPeriod, periodKey } from './key-period.js';
export { custodyProtection } from './custody-protection.js';
export { openSoftwareCustody } from './software/open-software-custody.js';
export { openPkcs11Custody } from './pkcs11/open-pkcs11-custody.js';
export { type TokenOptions } from './pkcs11/connection.js';
export { CUSTODY_API_VERSION, type CustodyProvider } from './custody-provider.js';
export { openCustody, type CustodyOptions } from './open-custody.js';
export { checkToken, type CheckedAbility } from './pkcs11/check-token.js';
