import { once } from 'node:events';
import { DtaError } from '@dta/errors';
import { createLogger, runMain } from '../src/index.js';

// What run-main.spec.ts runs as a process of its own; the argument says how it goes.
const way = process.argv[2];
const later = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const tell = (word: string) => void process.stdout.write(`${word}\n`);

await runMain({
  name: 'node',
  stopWithinMs: way === 'endless-stop' || way === 'deaf-start' ? 200 : 10_000,
  verbose: way === 'bad-start-verbose',
  configure: () => {
    if (way === 'bad-configuration') {
      throw new DtaError('configuration_invalid', 'the configuration is not valid: PORT: is missing');
    }
    return {};
  },
  logger: () => createLogger({ name: 'node' }),
  start: async (_config, _logger, stopping) => {
    if (way?.startsWith('bad-start') === true) throw new Error('no port', { cause: new Error('EADDRINUSE') });
    const alive = setInterval(() => undefined, 1_000);
    if (way?.includes('-start') === true) {
      setTimeout(() => tell('starting'), 20);
      const asked = once(stopping, 'abort').then(() => way === 'deaf-start-slow' && tell('stopping asked'));
      await (way.startsWith('deaf-start') ? later(20_000) : asked);
      if (way === 'failing-start') throw new Error('no port');
      if (way === 'heedful-start') {
        clearInterval(alive);
        tell('cleared up');
        stopping.throwIfAborted();
      }
    }
    if (way === 'exception') setTimeout(() => throwNow(), 10);
    if (way === 'rejection') setTimeout(() => void Promise.reject(new Error('out of nowhere')), 10);
    setTimeout(() => tell('started'), 20);
    return {
      stop: async () => {
        tell('stopping');
        if (way === 'bad-stop') throw new Error('no');
        if (way === 'endless-stop' || way === 'slow-stop') await later(20_000);
        clearInterval(alive);
        tell('stopped');
      },
    };
  },
});

function throwNow(): never {
  throw new Error('out of nowhere');
}
