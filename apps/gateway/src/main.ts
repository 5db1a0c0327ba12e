import { createLogger, runMain } from '@dta/service';
import { readGatewayConfig } from './config.js';
import { startGateway } from './start-gateway.js';

await runMain({
  name: 'gateway',
  configure: () => readGatewayConfig(process.env),
  logger: ({ logLevel }) => createLogger({ name: 'gateway', level: logLevel }),
  start: (config, logger) => startGateway(config, { logger }),
  verbose: process.env['LOG_LEVEL'] === 'debug',
});
