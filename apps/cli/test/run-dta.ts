import { compileCache } from '@dta/testkit';
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const program = join(import.meta.dirname, '../src/main.js');

/** How a run of `dta` ended. */
export interface Ending {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

/** How `dta` is run. */
export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Gets all output so far whenever there is more of it; what it answers is sent as a signal, once. */
  readonly signalAt?: (output: string) => NodeJS.Signals | undefined;
}

/** Runs `dta` as a process of its own, with nothing in its environment but what is given. */
export function dta(args: readonly string[], { environment = {}, signalAt }: RunOptions = {}): Promise<Ending> {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...compileCache, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { output: '', errors: '' };
  let isSent = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    texts.output += text;
    const signal = isSent ? undefined : signalAt?.(texts.output);
    if (signal === undefined) return;
    isSent = true;
    child.kill(signal);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (texts.errors += text));
  return new Promise((resolve) => {
    child.once('close', (status) => resolve({ status, ...texts }));
  });
}
