import type { Logger } from '@dta/service';
import type { Job } from './role-app.js';

/** Runs `task` now and then every `everyMs`, never twice at a time; a failure is logged and the next turn comes. */
export function periodically(name: string, everyMs: number, log: Logger, task: () => Promise<void>): Job {
  let stopped = false;
  let wake = () => {};
  const run = async () => {
    while (!stopped) {
      await task().catch((error: unknown) => log.error({ job: name, err: error }, 'job failed'));
      if (stopped) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, everyMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  const running = run();
  return {
    stop: async () => {
      stopped = true;
      wake();
      await running;
    },
  };
}
