export { startStandalone, type RunningStandalone, type StandaloneOptions } from './start-standalone.js';
