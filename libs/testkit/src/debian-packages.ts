import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DtaError } from '@dta/errors';
import { runFolderPrefix } from './run-services.js';

/** Runs apt-get with lists of packages that it can trust; gives what it printed. */
export type AptGet = (args: readonly string[]) => Promise<string>;

const run = promisify(execFile);
/** Where Debian and Ubuntu have the real folders of these names. */
const merged = ['bin', 'sbin', 'lib', 'lib64'];

/**
 * Unpacks packages of this machine's Debian or Ubuntu into `folder`, which needs no rights and installs nothing. They are
 * downloaded by apt's own, verified lists; where this machine has none, or they are out of date, by some of ours.
 *
 * @param choose gives the names of the packages
 * @returns the control file of each package, as dpkg has them
 * @throws Error where there is no apt-get or no access to its archive
 */
export async function unpackPackages(
  folder: string,
  choose: (aptGet: AptGet) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const work = await mkdtemp(join(tmpdir(), `${runFolderPrefix}${process.pid}-packages-`));
  const aside = ['-o', `Dir::State::Lists=${work}/lists`, '-o', `Dir::Cache=${work}/cache`, '-o', 'Debug::NoLocking=1'];
  // apt-get's downloader is another user, which may not write here: it says so and does it itself
  const aptGet = async (options: readonly string[], args: readonly string[]) => {
    const limits = { cwd: work, timeout: 240_000, env: { ...process.env, LC_ALL: 'C' }, maxBuffer: 16 * 1024 * 1024 };
    return (await run('apt-get', [...options, ...args], limits)).stdout;
  };
  const download = async (options: readonly string[]) => {
    const names = await choose((args) => aptGet(options, args));
    if (names.length > 0) await aptGet(options, ['-qq', 'download', ...names]);
  };
  try {
    try {
      await download([]);
    } catch {
      await mkdir(join(work, 'lists', 'partial'), { recursive: true });
      await mkdir(join(work, 'cache', 'archives', 'partial'), { recursive: true });
      await aptGet(aside, ['-qq', 'update']);
      await download(aside);
    }
    await mkdir(folder, { recursive: true });
    for (const name of merged) {
      await mkdir(join(folder, 'usr', name), { recursive: true });
      await symlink(`usr/${name}`, join(folder, name));
    }
    const controls: string[] = [];
    for (const archive of (await readdir(work)).filter((name) => name.endsWith('.deb')).sort()) {
      const file = join(work, archive);
      const extract = 'dpkg-deb --fsys-tarfile "$1" | tar --extract --keep-directory-symlink --directory "$2"';
      await run('sh', ['-ec', extract, 'sh', file, folder]);
      controls.push((await run('dpkg-deb', ['--field', file])).stdout);
    }
    return controls;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The packages that `apt-get install` would add: to this machine, or to an empty one. */
export async function wouldInstall(
  aptGet: AptGet,
  names: readonly string[],
  { onEmptyMachine = false } = {},
): Promise<readonly string[]> {
  const empty = onEmptyMachine ? ['-o', 'Dir::State::status=/dev/null'] : [];
  const said = await aptGet([...empty, '--simulate', '--no-install-recommends', 'install', ...names]);
  return [...said.matchAll(/^Inst (\S+)/gm)].map(([, name = '']) => name);
}

/** What {@link fetchPackages} takes, and what is to be in it. */
export interface PackageOptions {
  /** Of Debian and Ubuntu. */
  readonly packages: readonly string[];
  /** Looks at what was unpacked into a folder. @throws Error where it isn't what is wanted */
  readonly check: (folder: string) => Promise<void>;
  /** For people: what is missing, `SoftHSM`, and the package that an administrator would install. */
  readonly wanted: { readonly name: string; readonly install: string };
}

/**
 * Takes packages apart into `folder`, as {@link unpackPackages} does; the folder is there whole or not at all.
 *
 * @throws DtaError `start_failed` with one sentence that says what to install
 */
export async function fetchPackages(folder: string, { packages, check, wanted }: PackageOptions): Promise<void> {
  const unfinished = `${folder}.${process.pid}`;
  try {
    await unpackPackages(unfinished, () => Promise.resolve(packages));
    await check(unfinished);
    await rename(unfinished, folder);
  } catch (cause) {
    const sentence = `${wanted.name} is neither installed nor could it be fetched`;
    const advice = `install ${wanted.install}, or apt-get with access to its archive`;
    throw new DtaError('start_failed', `${sentence}: ${advice}`, { cause });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}
