export { fiduciarySettings } from './config.js';
export { startFiduciary } from './start-fiduciary.js';
