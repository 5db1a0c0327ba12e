import { nodeOptions, runRole } from '@dta/node';
import { fiduciarySettings } from './config.js';
import { startFiduciary } from './start-fiduciary.js';

await runRole('fiduciary', fiduciarySettings, process.env, (config, parts) =>
  startFiduciary(nodeOptions('fiduciary', config), parts),
);
