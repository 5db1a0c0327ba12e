import { nodeOptions, runRole } from '@dta/node';
import { beneficiarySettings } from './config.js';
import { startBeneficiary } from './start-beneficiary.js';

await runRole('beneficiary', beneficiarySettings, process.env, (config, parts) =>
  startBeneficiary(nodeOptions('beneficiary', config), parts),
);
