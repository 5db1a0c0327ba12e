import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { access, constants, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { DtaError } from '@dta/errors';
import type { Progress } from '@dta/service';
import { buildSources, runGo, type GoOptions } from './go-build.js';

interface Tool {
  readonly version: string;
  /** The lowest version on PATH that does, major and minor. */
  readonly least: readonly [number, number];
  readonly goPackage: string;
  /** The module whose folder it has to be built in: one that `go install` refuses for its own replacements or deprecation. */
  readonly goModule?: string;
}

const tools = {
  'nats-server': { version: 'v2.12.2', least: [2, 10], goPackage: 'github.com/nats-io/nats-server/v2' },
  ipfs: { version: 'v0.42.0', least: [0, 42], goPackage: './cmd/ipfs', goModule: 'github.com/ipfs/kubo' },
  kubeconform: { version: 'v0.8.0', least: [0, 8], goPackage: 'github.com/yannh/kubeconform/cmd/kubeconform' },
  'kube-score': { version: 'v1.20.0', least: [1, 20], goPackage: 'github.com/zegl/kube-score/cmd/kube-score' },
  nk: { version: 'v0.4.11', least: [0, 4], goPackage: 'github.com/nats-io/nkeys/nk' },
} as const satisfies Record<string, Tool>;

/** A tool {@link fetchTool} knows. */
export type ToolName = keyof typeof tools;

const run = promisify(execFile);

/** How {@link fetchTool} builds, where it has to. */
export interface FetchOptions {
  /** Told that it builds, how far it is, and that another process builds; by default nothing is. */
  readonly progress?: Progress;
  /** Gives up building. */
  readonly signal?: AbortSignal;
}

/**
 * The path of a tool's program: a suitable one on PATH, else the pinned version, built once with Go into
 * `.cache/tools/<name>-<version>/` of the checkout. That may take as long as it takes; where it ends half-way, what Go has
 * compiled by then stays in Go's cache. Any number of processes may ask at once.
 *
 * @throws DtaError `start_failed` with what to install, and why it could not be built
 */
export async function fetchTool(name: ToolName, { progress, signal }: FetchOptions = {}): Promise<string> {
  const tool: Tool = tools[name];
  const program = join(checkoutRoot(), '.cache', 'tools', `${name}-${tool.version}`, name);
  if (existsSync(program)) return program;
  const onPath = await findOnPath(name, tool.least);
  if (onPath !== undefined) return onPath;
  let compiled = 0;
  const building = async () => {
    if (existsSync(program)) return;
    progress?.say(`building ${name} ${tool.version} with Go, once: some minutes, more on a slow machine`);
    const onLine = (line: string) => {
      if (/^[\w.-]+(\/[\w.~-]+)*$/.test(line)) compiled += 1; // a package, by its path
    };
    await build(name, tool, dirname(program), { onLine, signal });
    progress?.say(`built ${name}`);
  };
  const locked = () => withLock(`${dirname(program)}.lock`, building, signal);
  const soFar = () => (compiled === 0 ? 'downloading, or another process builds it' : `${compiled} packages compiled`);
  await (progress === undefined ? locked() : progress.during(`building ${name}`, locked, soFar));
  return program;
}

/** The folder of the checkout that this testkit belongs to. */
export function checkoutRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'nx.json'))) {
    if (folder === dirname(folder)) throw new DtaError('start_failed', 'the testkit runs inside a checkout only');
    folder = dirname(folder);
  }
  return folder;
}

/** Setting with which Node keeps what it compiled: a run starts our programs a hundred times, each a third faster. */
export const compileCache = { NODE_COMPILE_CACHE: join(checkoutRoot(), '.cache', 'compiled') } as const;

async function findOnPath(name: ToolName, [major, minor]: Tool['least']): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const program = join(folder, name);
    try {
      await access(program, constants.X_OK);
      const { stdout } = await run(program, ['--version'], { timeout: 10_000 });
      const found = /v?(\d+)\.(\d+)\.\d+/.exec(stdout)?.slice(1).map(Number);
      const [foundMajor = 0, foundMinor = 0] = found ?? [];
      if (foundMajor > major || (foundMajor === major && foundMinor >= minor)) return program;
    } catch {
      // not there, or not a program: the next folder may have it
    }
  }
  return undefined;
}

/** Builds into a folder of its own and renames it, so that a broken build leaves nothing that looks finished. */
async function build(name: ToolName, tool: Tool, folder: string, options: GoOptions): Promise<void> {
  const { version, goPackage, goModule } = tool;
  const unfinished = `${folder}.${process.pid}`;
  try {
    await mkdir(unfinished, { recursive: true });
    if (goModule === undefined) {
      const environment = { ...process.env, GOBIN: unfinished, GOFLAGS: '-mod=mod' };
      await runGo(['install', '-v', `${goPackage}@${version}`], { ...options, environment });
    } else {
      const output = await runGo(['mod', 'download', '-json', `${goModule}@${version}`], options);
      const { Dir: sources } = JSON.parse(output) as { Dir: string }; // as `go help mod download` says
      await buildSources(sources, goPackage, join(unfinished, name), options);
    }
    await rename(unfinished, folder);
  } catch (cause) {
    if (existsSync(join(folder, name))) return; // another process was quicker
    options.signal?.throwIfAborted();
    const wanted = `install ${name} ${version}, or Go with access to its module proxy`;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const sentence = `${name} is neither on PATH nor could it be built: ${wanted}. ${reason}`;
    throw new DtaError('start_failed', sentence, { cause });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Runs `task` while no other process holds `lock`, a folder made atomically; a dead holder's lock is taken over. */
export async function withLock(lock: string, task: () => Promise<void>, signal?: AbortSignal): Promise<void> {
  await mkdir(dirname(lock), { recursive: true });
  while (!(await makeFolder(lock))) {
    signal?.throwIfAborted();
    if (await isLeftOver(lock)) await rm(lock, { recursive: true, force: true });
    else await delay(200);
  }
  try {
    await writeFile(join(lock, 'pid'), String(process.pid));
    await task();
  } finally {
    await rm(lock, { recursive: true, force: true });
  }
}

async function makeFolder(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
    return true;
  } catch (error) {
    if (existsSync(folder)) return false;
    throw error;
  }
}

async function isLeftOver(lock: string): Promise<boolean> {
  try {
    const pid = Number(await readFile(join(lock, 'pid'), 'utf8').catch(() => ''));
    const age = Date.now() - (await stat(lock)).mtimeMs;
    return pid > 0 ? age > 1_000 && !isAlive(pid) : age > 10_000;
  } catch {
    return false; // released meanwhile
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'; // another user's process lives
  }
}
