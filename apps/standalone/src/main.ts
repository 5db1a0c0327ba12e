import { createLogger, runMain } from '@dta/service';
import { DtaError } from '@dta/errors';
import { parseArgs } from 'node:util';
import { sayNextSteps } from './next-steps.js';
import { startStandalone, type StandaloneOptions } from './start-standalone.js';

const MAX_FIDUCIARIES = 32;

await runMain<StandaloneOptions>({
  name: 'dta',
  configure: readArguments,
  logger: () => createLogger({ name: 'dta', level: process.env['LOG_LEVEL'] === 'debug' ? 'debug' : 'warn' }),
  verbose: process.env['LOG_LEVEL'] === 'debug',
  start: async (options, log) => {
    const running = await startStandalone(options, log);
    sayNextSteps(running, options);
    return running;
  },
});

function readArguments(): StandaloneOptions {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string', default: '5556' },
        fiduciaries: { type: 'string', default: '3' },
        'metrics-port': { type: 'string' },
        data: { type: 'string', default: '.dta' },
      },
    });
    const metricsPort = values['metrics-port'];
    return {
      port: whole('--port', values.port, 0, 65_535),
      fiduciaries: whole('--fiduciaries', values.fiduciaries, 1, MAX_FIDUCIARIES),
      metricsPort: metricsPort === undefined ? null : whole('--metrics-port', metricsPort, 0, 65_535),
      folder: values.data,
    };
  } catch (cause) {
    if (cause instanceof DtaError) throw cause;
    const message = cause instanceof Error ? cause.message : 'arguments are not valid';
    throw new DtaError('configuration_invalid', message, { cause });
  }
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new DtaError('configuration_invalid', `${name} takes a whole number from ${min} to ${max}`);
  }
  return value;
}
