import { spawn, type ChildProcess } from 'node:child_process';
import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { compileCache, restApi, type RestApi } from '@dta/testkit';

const program = join(import.meta.dirname, '../../../apps/standalone/dist/src/main.js');
const readyLimitMs = 60_000;

/** How a standalone node ended, and what it said. */
export interface Ending {
  /** null where a signal ended it */
  readonly status: number | null;
  readonly output: string;
  /** What it wrote to standard error, without its log. */
  readonly errors: string;
}

/** A standalone node, run as a person would run it. */
export interface StandaloneProcess {
  readonly api: RestApi;
  readonly url: string;
  /** All that it wrote to standard output so far. */
  output(): string;
  /** Presses Ctrl-C: every process of its group gets SIGINT; settles when the node is gone. */
  ctrlC(): Promise<Ending>;
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<Ending>;
}

/** Starts a standalone node; settles when it says that it is ready. @throws Error with what it said instead */
export function startStandalone(...args: string[]): Promise<StandaloneProcess> {
  return startStandaloneWith({}, ...args);
}

/** The same with more in its environment. */
export async function startStandaloneWith(
  environment: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<StandaloneProcess> {
  const { child, output, ended } = launch(args, environment);
  const overdue = setTimeout(() => child.kill('SIGKILL'), readyLimitMs);
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', () => {
      const [, found] = /D-TA is ready on (http:\S+)/.exec(output()) ?? [];
      if (found !== undefined) resolve(found);
    });
    void ended.then(({ errors }) => reject(new Error(`the node did not start: ${errors}`)));
  });
  clearTimeout(overdue);
  const pid = child.pid ?? -1;
  return {
    api: restApi(url, null),
    url,
    output,
    ctrlC: () => {
      process.kill(-pid, 'SIGINT');
      return ended;
    },
    end: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}

/** Starts a standalone node that can't start; settles when it has given up. */
export async function failToStart(...args: string[]): Promise<Ending> {
  const { child, ended } = launch(args);
  const overdue = setTimeout(() => child.kill('SIGKILL'), readyLimitMs);
  const ending = await ended;
  clearTimeout(overdue);
  return ending;
}

/** Starts a standalone node and sends it a signal when its output is like `word`; settles when it is gone. */
export async function signalStart(signal: NodeJS.Signals, word: RegExp, ...args: string[]): Promise<Ending> {
  const { child, output, ended } = launch(args);
  const overdue = setTimeout(() => child.kill('SIGKILL'), readyLimitMs);
  let isSent = false;
  child.stdout?.on('data', () => {
    if (!isSent && word.test(output())) isSent = child.kill(signal);
  });
  const ending = await ended;
  clearTimeout(overdue);
  return ending;
}

/** As a shell starts it: in a process group of its own. */
function launch(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): { child: ChildProcess; output: () => string; ended: Promise<Ending> } {
  const child = spawn(process.execPath, [program, ...args], {
    detached: true,
    env: { ...process.env, ...compileCache, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { output: '', errors: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (texts.output += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (texts.errors += text));
  const ended = new Promise<Ending>((resolve) => {
    child.once('close', (status) => resolve({ status, ...texts }));
  });
  return { child, output: () => texts.output, ended };
}

/** Processes that work in `folder` or name it in their command line. */
export async function processesAt(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => ''); // gone, or another user's
    if (cwd.startsWith(folder)) found.push(`${pid} in ${cwd}`);
  }
  return found;
}
