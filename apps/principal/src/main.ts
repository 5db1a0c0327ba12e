import { nodeOptions, runRole } from '@dta/node';
import { principalSettings } from './config.js';
import { startPrincipal } from './start-principal.js';

await runRole('principal', principalSettings, process.env, ({ BENEFICIARY, FIDUCIARY_SET, ...config }, parts) =>
  startPrincipal(
    { ...nodeOptions('principal', config), beneficiary: BENEFICIARY ?? null, fiduciarySet: FIDUCIARY_SET },
    parts,
  ),
);
