export { migrateSettings } from './config.js';
