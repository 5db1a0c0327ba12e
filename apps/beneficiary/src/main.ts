import { nodeOptions, runRole } from '@dta/node';
import { beneficiarySettings } from './config.js';
import { startBeneficiary } from './start-beneficiary.js';

await runRole('beneficiary', beneficiarySettings, (config, parts) =>
  startBeneficiary(nodeOptions('beneficiary', config), parts),
);
