export { beneficiarySettings } from './config.js';
export { startBeneficiary } from './start-beneficiary.js';
