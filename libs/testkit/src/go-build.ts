import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { cp, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { DtaError } from '@dta/errors';
import { spawnWithParent } from './spawn-with-parent.js';

/** How Go is run. */
export interface GoOptions {
  /** This process's by default. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Gets each line that Go writes to standard error: the packages that it compiles, what it downloads, its complaints. */
  readonly onLine?: (line: string) => void;
  /** Ends it. What it has compiled by then stays in Go's own cache. */
  readonly signal?: AbortSignal | undefined;
  /** Leaves the processor to whatever else wants it. */
  readonly isPatient?: boolean;
}

/** How {@link buildSources} builds. */
export interface BuildOptions extends GoOptions {
  /** Further arguments of `go build`. */
  readonly flags?: readonly string[];
}

/** Enough of a compiler's complaint to act on. */
const LAST_LINES = 6;
/** What Go says when it can't reach its module proxy, in the words of the system. */
const noNetwork =
  /dial tcp|no such host|connection refused|i\/o timeout|TLS handshake|proxyconnect|network is unreachable/i;

/**
 * Runs Go to its end, however long that takes; gives what it printed.
 *
 * @throws DtaError `start_failed` with the cause: no Go, no network, or Go's last lines
 */
export async function runGo(args: readonly string[], options: GoOptions = {}): Promise<string> {
  const { environment = process.env, cwd, onLine, signal, isPatient = false } = options;
  signal?.throwIfAborted();
  if (!(await hasGo(environment))) {
    throw new DtaError('start_failed', 'there is no Go on the PATH');
  }
  const [program = '', ...all] = [...(isPatient ? ['nice', '-n', '19'] : []), 'go', ...args];
  const child = spawnWithParent(program, all, { cwd, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  const last: string[] = [];
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  if (child.stderr !== null) {
    createInterface(child.stderr).on('line', (line) => {
      onLine?.(line);
      last.push(line);
      if (last.length > LAST_LINES) last.shift();
    });
  }
  const stop = () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT'); // the compilers that it started too
  };
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const [status]: (number | null)[] = await once(child, 'close');
    signal?.throwIfAborted();
    if (status === 0) return output;
    const said = last.length > 0 ? last : output.trim().split('\n').slice(-LAST_LINES); // `-json` puts errors there
    const words = said.join('\n').trim() || `it ended with ${status ?? 'a signal'} and said nothing`;
    throw new DtaError('start_failed', noNetwork.test(words) ? `Go's module proxy can't be reached: ${words}` : words);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/**
 * Builds a module's program from a copy of its sources, by the versions that the module itself names.
 *
 * @param sources a folder with a go.mod; Go's own copy, which is read-only, will do
 * @param program where it goes; beside it a folder comes and goes
 * @throws DtaError `start_failed` with the cause
 */
export async function buildSources(
  sources: string,
  goPackage: string,
  program: string,
  options: BuildOptions = {},
): Promise<void> {
  const copy = `${program}.src`;
  try {
    await cp(sources, copy, { recursive: true });
    await promisify(execFile)('chmod', ['-R', 'u+w', copy]);
    // without the paths of this copy in them, what was compiled counts for the next copy too
    const args = ['build', '-v', '-mod=readonly', '-trimpath', ...(options.flags ?? []), '-o', program, goPackage];
    const environment = { ...(options.environment ?? process.env), GOFLAGS: '' };
    await runGo(args, { ...options, environment, cwd: copy });
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

async function hasGo(environment: NodeJS.ProcessEnv): Promise<boolean> {
  return promisify(execFile)('go', ['version'], { env: environment }).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
}
