import { nodeOptions, runRole } from '@dta/node';
import { beneficiarySettings } from './config.js';
import { startBeneficiary } from './start-beneficiary.js';

await runRole('beneficiary', beneficiarySettings, process.env, ({ PLUGINS, ...config }, parts) =>
  startBeneficiary(nodeOptions('beneficiary', config, PLUGINS), parts),
);
