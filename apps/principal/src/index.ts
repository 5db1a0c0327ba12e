export { principalSettings, type PrincipalOptions } from './config.js';
export { createDriverGauges } from './driver-gauges.js';
export { startPrincipal } from './start-principal.js';
