import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { access, constants, cp, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { DtaError } from '@dta/errors';

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
} as const satisfies Record<string, Tool>;

/** A tool {@link fetchTool} knows. */
export type ToolName = keyof typeof tools;

const run = promisify(execFile);
const buildLimitMs = 10 * 60_000;

/**
 * The path of a tool's program: a suitable one on PATH, else the pinned version, built once with Go into
 * `.cache/tools/<name>-<version>/` of the checkout. Any number of processes may ask at once.
 *
 * @throws DtaError `start_failed` with one sentence that says what to install
 */
export async function fetchTool(name: ToolName): Promise<string> {
  const tool: Tool = tools[name];
  const program = join(checkoutRoot(), '.cache', 'tools', `${name}-${tool.version}`, name);
  if (existsSync(program)) return program;
  const onPath = await findOnPath(name, tool.least);
  if (onPath !== undefined) return onPath;
  await withLock(`${dirname(program)}.lock`, async () => {
    if (!existsSync(program)) await build(name, tool, dirname(program));
  });
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
async function build(name: ToolName, tool: Tool, folder: string): Promise<void> {
  const { version, goPackage, goModule } = tool;
  const unfinished = `${folder}.${process.pid}`;
  try {
    await mkdir(unfinished, { recursive: true });
    if (goModule === undefined) {
      const env = { ...process.env, GOBIN: unfinished, GOFLAGS: '-mod=mod' };
      await run('go', ['install', `${goPackage}@${version}`], { env, timeout: buildLimitMs });
    } else {
      await buildInModule(`${goModule}@${version}`, goPackage, join(unfinished, name));
    }
    await rename(unfinished, folder);
  } catch (cause) {
    if (existsSync(join(folder, name))) return; // another process was quicker
    const wanted = `install ${name} ${version}, or Go with access to its module proxy`;
    throw new DtaError('start_failed', `${name} is neither on PATH nor could it be built: ${wanted}`, { cause });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Builds a module's program from a copy of its sources, by the versions that the module itself names. */
async function buildInModule(module: string, goPackage: string, program: string): Promise<void> {
  const copy = `${program}.src`;
  const { stdout } = await run('go', ['mod', 'download', '-json', module], { timeout: buildLimitMs });
  const { Dir: sources } = JSON.parse(stdout) as { Dir: string }; // as `go help mod download` says
  try {
    await cp(sources, copy, { recursive: true });
    await run('chmod', ['-R', 'u+w', copy]); // Go's own copy is read-only, folders too
    const args = ['build', '-mod=readonly', '-trimpath', '-o', program, goPackage];
    await run('go', args, { cwd: copy, env: { ...process.env, GOFLAGS: '' }, timeout: buildLimitMs });
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** Runs `task` while no other process holds `lock`, a folder made atomically; a dead holder's lock is taken over. */
export async function withLock(lock: string, task: () => Promise<void>): Promise<void> {
  await mkdir(dirname(lock), { recursive: true });
  while (!(await makeFolder(lock))) {
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
