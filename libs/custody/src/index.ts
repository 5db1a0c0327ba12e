export { assertKeyName, doesNotOpen, type Custody, type KeyName } from './custody.js';
export { keyPeriod, periodKey } from './key-period.js';
export { custodyProtection } from './custody-protection.js';
export { openSoftwareCustody } from './software/open-software-custody.js';
