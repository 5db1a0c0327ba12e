import { answerAtOnce, createLogger, openProgress, runMain } from '@dta/service';
import { readFileSync } from 'node:fs';
import { readOptions } from './config.js';
import { sayNextSteps } from './next-steps.js';
import { standaloneCommand } from './options.mjs';
import { rotateFolder } from './rotate-folder.js';
import { startStandalone, type StandaloneArguments } from './start-standalone.js';

const args = process.argv.slice(2);
const packageFile = new URL('../../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string }; // npm requires it
const answer = answerAtOnce(standaloneCommand, version, args);
if (answer !== null) {
  process.stdout.write(`${answer}\n`);
} else {
  const progress = openProgress();
  await runMain<StandaloneArguments>({
    name: 'dta',
    configure: () => readOptions(args, process.env),
    logger: () => createLogger({ name: 'dta', level: process.env['LOG_LEVEL'] === 'debug' ? 'debug' : 'warn' }),
    verbose: process.env['LOG_LEVEL'] === 'debug',
    start: async (options, log, stopping) => {
      if (options.rotate) {
        const made = await rotateFolder(options.folder, options.token, Date.now());
        for (const [name, cid] of made) progress.say(`${name} is ${cid} from the next start on`);
        return null;
      }
      stopping.addEventListener('abort', () => progress.say('stopping'));
      const running = await startStandalone(options, log, progress, stopping).catch((error: unknown) => {
        if (error === stopping.reason) progress.say('stopped');
        throw error;
      });
      sayNextSteps(running, options);
      return {
        stop: async () => {
          await progress.during('stopping', () => running.stop());
          progress.say('stopped');
        },
      };
    },
  });
}
