import type { ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { DtaError } from '@dta/errors';
import { spawnWithParent } from '../spawn-with-parent.js';
import { compileCache } from '../toolbox.js';

/** One app, run as a process of its own: what a test may do to it. */
export interface AppProcess {
  /** As it is called in the cluster: `first/fiduciary-2`, and its second replica `first/fiduciary-2/b`. */
  readonly name: string;
  /** Of the present run. */
  readonly pid: number;
  /** All lines that it has written, in all its runs, to standard output and error. */
  logs(): readonly string[];
  /** Where it shows metrics and health now; undefined below the log level `info`. */
  metricsUrl(): string | undefined;
  /** Ends it as a crash would; settles when it is gone. */
  kill9(): Promise<void>;
  /** Asks it to end (SIGTERM), also where it is paused; settles with its exit status, null where it had to be killed. */
  stop(): Promise<number | null>;
  /** Starts it again, ending it in order first where it runs; settles when it is ready. */
  restart(): Promise<void>;
  /** Stops its clock: it keeps its connections and does nothing (SIGSTOP). */
  pause(): void;
  /** Lets it go on where it was (SIGCONT). */
  resume(): void;
}

/** How an app is started. */
export interface AppProcessOptions {
  readonly name: string;
  /** Its main.js. */
  readonly program: string;
  /** All of its environment, asked for anew at each start. */
  readonly environment: () => Readonly<Record<string, string>>;
  /** Looks at its lines so far, again and again, until it is ready. */
  readonly isReady: (lines: readonly string[]) => boolean | Promise<boolean>;
  /** Gets it once, as soon as there is something to end. */
  readonly onStart: (process: AppProcess) => void;
}

const readyLimitMs = 120_000;
/** Longer than any role's own drain. */
const stopLimitMs = 60_000;

/** What a program's start and end have to say of one run. */
interface Run {
  readonly child: ChildProcess;
  readonly lines: string[];
  /** Settles when it is gone, with its exit status. */
  readonly gone: Promise<number | null>;
}

/**
 * Starts an app; settles when it is ready.
 *
 * @throws DtaError `start_failed` with its last words
 */
export async function startAppProcess(options: AppProcessOptions): Promise<AppProcess> {
  const { name } = options;
  const earlier: string[] = [];
  let run = launch(options);
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    run.child.kill(signal);
    run.child.kill('SIGCONT'); // a paused process takes SIGTERM when it goes on
    const overdue = setTimeout(() => run.child.kill('SIGKILL'), stopLimitMs);
    const status = await run.gone;
    clearTimeout(overdue);
    return status;
  };
  const process: AppProcess = {
    name,
    get pid() {
      return run.child.pid ?? -1;
    },
    logs: () => [...earlier, ...run.lines],
    metricsUrl: () => {
      const line = run.lines.find((text) => text.includes('"msg":"metrics and health are shown"'));
      const [, port] = /"port":(\d+)/.exec(line ?? '') ?? [];
      return port === undefined ? undefined : `http://127.0.0.1:${port}`;
    },
    kill9: async () => {
      await end('SIGKILL');
    },
    stop: () => end('SIGTERM'),
    restart: async () => {
      await end('SIGTERM');
      earlier.push(...run.lines);
      run = launch(options);
      await untilReady(run, options);
    },
    pause: () => {
      run.child.kill('SIGSTOP');
    },
    resume: () => {
      run.child.kill('SIGCONT');
    },
  };
  options.onStart(process);
  await untilReady(run, options);
  return process;
}

function launch({ program, environment }: AppProcessOptions): Run {
  const child = spawnWithParent(process.execPath, [program], {
    env: { ...compileCache, ...environment() },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) gatherLines(stream, lines);
  const gone = new Promise<number | null>((resolve) => {
    child.once('close', (status) => resolve(status));
    child.once('error', () => resolve(null));
  });
  return { child, lines, gone };
}

async function untilReady({ child, lines, gone }: Run, { name, isReady }: AppProcessOptions): Promise<void> {
  let isGone = false;
  void gone.then(() => (isGone = true));
  for (const limit = Date.now() + readyLimitMs; !(await isReady(lines)); await delay(20)) {
    if (!isGone && Date.now() < limit) continue;
    child.kill('SIGKILL');
    await gone;
    const words = lines.slice(-3).join(' | ') || 'it said nothing';
    throw new DtaError('start_failed', `${name} did not ${isGone ? 'start' : 'become ready'}: ${words}`);
  }
}

function gatherLines(stream: NodeJS.ReadableStream | null, lines: string[]): void {
  let unfinished = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (text: string) => {
    const parts = (unfinished + text).split('\n');
    unfinished = parts.pop() ?? '';
    lines.push(...parts);
  });
  stream?.on('end', () => {
    if (unfinished !== '') lines.push(unfinished);
  });
}
