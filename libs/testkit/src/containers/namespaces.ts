import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { DtaError } from '@dta/errors';
import { spawnWithParent } from '../spawn-with-parent.js';

const run = promisify(execFile);
const startLimitMs = 30_000;
const flags = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'] as const;

/** How one command is run. */
export interface CommandOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Its standard input; none by default. */
  readonly input?: string;
}

/** Mounts, a network and processes of their own, which end with this process, and every process in them. */
export interface Namespaces {
  /** Runs a program there; gives what it printed. @throws Error with what it said */
  command(args: readonly string[], options?: CommandOptions): Promise<string>;
  /** A command line that runs a program there, for {@link spawnWithParent}. */
  inside(args: readonly string[]): readonly [string, ...string[]];
  /** Ends every process there. */
  stop(): Promise<void>;
}

/** What {@link openNamespaces} does in them first. */
export interface NamespaceOptions {
  /** Lines of a shell, run as the first process there; its arguments are `args`. */
  readonly setUp: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Why this user may not make namespaces on this machine, in one sentence; null where it may. */
export async function whyNoNamespaces(untested: string): Promise<string | null> {
  const tried = 'mount -t tmpfs none /run && ip link add dta0 type bridge && ip link add one type veth peer name two';
  try {
    await run('unshare', [...flags, 'sh', '-ec', tried], { timeout: startLimitMs });
    return null;
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    return `${untested} are not tested, since namespaces are refused here: ${said.split('\n')[0]}`;
  }
}

/**
 * Opens namespaces; settles when `setUp` has run there.
 *
 * @throws DtaError `start_failed` with what was refused
 */
export async function openNamespaces({ setUp, args, env = process.env }: NamespaceOptions): Promise<Namespaces> {
  const script = `${setUp}\necho ready\nexec sleep infinity`;
  const holder = spawnWithParent('unshare', [...flags, 'sh', '-ec', script, 'sh', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const gone = new Promise<void>((resolve) => holder.once('close', () => resolve()).once('error', () => resolve()));
  let said = '';
  holder.stderr?.on('data', (text: Buffer) => (said = (said + text.toString()).slice(-2_000)));
  const stop = async () => {
    holder.kill('SIGKILL');
    await gone;
  };
  const ready = new Promise<boolean>((resolve) => {
    holder.stdout?.once('data', () => resolve(true));
    void gone.then(() => resolve(false));
    setTimeout(() => resolve(false), startLimitMs).unref();
  });
  try {
    if (!(await ready)) throw new DtaError('start_failed', `containers can't be run here: ${said.trim()}`);
    const first = await firstProcess(Number(holder.pid));
    const inside = (command: readonly string[]) =>
      ['nsenter', '--target', first, '--mount', '--net', '--pid', '--', ...command] as const;
    return { command: (all, how) => runCommand(inside(all), { ...how, env }), inside, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Runs a command line to its end; gives what it printed. @throws Error with what it said */
export async function runCommand(
  [program = '', ...args]: readonly string[],
  { timeoutMs = 120_000, signal, input, env }: CommandOptions & { readonly env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const limits = { env, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024, ...(signal && { signal }) };
  const running = run(program, args, limits);
  running.child.stdin?.on('error', () => undefined).end(input); // it may end without reading
  const { stdout } = await running.catch((cause: unknown) => {
    // of execFile: what it printed; else why it didn't run
    const { stdout: out = '', stderr: err = '' } = cause as { stdout?: string; stderr?: string };
    const words = `${out}\n${err}`.trim() || String(cause);
    const [first = '', second] = program === 'nsenter' ? args.slice(args.indexOf('--') + 1) : [program, ...args];
    throw new Error(`${basename(first)} ${second}: ${words.slice(-2_000)}`, { cause });
  });
  return stdout;
}

/** The process that has the number 1 in the new namespace, by its number in ours: the only child of `unshare`. */
async function firstProcess(unshare: number): Promise<string> {
  const [first] = (await readFile(`/proc/${unshare}/task/${unshare}/children`, 'utf8')).trim().split(' ');
  if (first === undefined || first === '') throw new DtaError('start_failed', 'the namespaces have no process');
  return first;
}
