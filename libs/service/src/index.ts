export {
  answerAtOnce,
  EXIT_CONFIGURATION,
  readCommandLine,
  tellFaults,
  type Command,
  type CommandLine,
  type CommandOption,
  type CommandOptions,
} from './command-line.mjs';
export { describeConfig, readConfig, secret, settings, type SettingRow, type SettingsSchema } from './config.js';
export { createHealth, remembered, type Health, type HealthCheck, type HealthReport } from './health.js';
export {
  createLogger,
  logLevels,
  nestLogger,
  traceIdOf,
  type Logger,
  type LoggerOptions,
  type LogLevel,
} from './logger.js';
export { createMonitor, durationBuckets, type Monitor } from './monitor.js';
export { monitorSettings, serveMonitors, type MonitorServer, type MonitorServerOptions } from './monitor-server.js';
export { openProgress, QUIET_MS, type Progress } from './progress.mjs';
export { runMain, type RunOptions, type Running } from './run-main.js';
export { stopAll, type Stoppable } from './stop-all.js';
