export { describeConfig, readConfig, secret, settings, type SettingRow, type SettingsSchema } from './config.js';
export { createHealth, type Health, type HealthPart, type HealthReport } from './health.js';
export { createLogger, logLevels, nestLogger, type Logger, type LoggerOptions, type LogLevel } from './logger.js';
export { runMain, type RunOptions, type Running } from './run-main.js';
