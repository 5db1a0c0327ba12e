import { nodeOptions, runRole } from '@dta/node';
import { principalSettings } from './config.js';
import { startPrincipal } from './start-principal.js';

await runRole(
  'principal',
  principalSettings,
  process.env,
  ({ BENEFICIARY, FIDUCIARY_SET, PLUGINS, ...config }, parts) =>
    startPrincipal(
      { ...nodeOptions('principal', config, PLUGINS), beneficiary: BENEFICIARY ?? null, fiduciarySet: FIDUCIARY_SET },
      parts,
    ),
);
