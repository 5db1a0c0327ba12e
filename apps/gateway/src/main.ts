import { createLogger, createMonitor, runMain, serveMonitors } from '@dta/service';
import { readGatewayConfig } from './config.js';
import { startGateway } from './start-gateway.js';

await runMain({
  name: 'gateway',
  configure: () => readGatewayConfig(process.env),
  logger: ({ logLevel }) => createLogger({ name: 'gateway', level: logLevel }),
  start: async (config, logger) => {
    const monitor = createMonitor('gateway');
    // before anything that may take its time, so that whoever looks sees a process that starts
    const shown =
      config.monitor === null ? undefined : await serveMonitors({ ...config.monitor, monitors: [monitor], logger });
    const running = await startGateway(config, { logger, monitor });
    return {
      stop: async () => {
        await running.stop();
        await shown?.stop();
      },
    };
  },
  verbose: process.env['LOG_LEVEL'] === 'debug',
});
