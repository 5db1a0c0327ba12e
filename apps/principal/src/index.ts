export { principalSettings, type PrincipalOptions } from './config.js';
export { startPrincipal } from './start-principal.js';
