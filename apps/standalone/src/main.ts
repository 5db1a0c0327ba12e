import { createLogger, runMain } from '@dta/service';
import { readOptions } from './config.js';
import { sayNextSteps } from './next-steps.js';
import { startStandalone, type StandaloneOptions } from './start-standalone.js';

await runMain<StandaloneOptions>({
  name: 'dta',
  configure: () => readOptions(process.argv.slice(2), process.env),
  logger: () => createLogger({ name: 'dta', level: process.env['LOG_LEVEL'] === 'debug' ? 'debug' : 'warn' }),
  verbose: process.env['LOG_LEVEL'] === 'debug',
  start: async (options, log) => {
    const running = await startStandalone(options, log);
    sayNextSteps(running, options);
    return running;
  },
});
