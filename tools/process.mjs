// What the scripts share: one way to say something, to run a step, and to hand over to a long-running program.
import { spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const begin = performance.now();

/** A line with the time since the script began. */
export function say(text) {
  console.log(`[${((performance.now() - begin) / 1000).toFixed(1).padStart(5)} s] ${text}`);
}

export function failWith(text, status = 1) {
  console.error(text);
  process.exit(status);
}

/** Runs a step in the root folder with our output; its exit status, 1 where a signal ended it or it didn't start. */
export function run(command, args, env = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (result.error) console.error(result.error.message);
  return result.status ?? 1;
}

/** Runs a program as if it were this process: arguments, input, output, signals, and at its end its status. */
export function handOver(command, args) {
  const child = spawn(command, args, { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // a Ctrl-C reaches the child by itself; twice would mean: at once
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('error', (error) => failWith(error.message));
  child.on('exit', (status, signal) => process.exit(status ?? 128 + constants.signals[signal]));
}
