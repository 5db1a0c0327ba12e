import { execFile } from 'node:child_process';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DtaError } from '@dta/errors';

const run = promisify(execFile);

/** What {@link unpackPackages} takes, and what is to be in it. */
export interface PackageOptions {
  /** Of Debian and Ubuntu. */
  readonly packages: readonly string[];
  /** Looks at what was unpacked into a folder. @throws Error where it isn't what is wanted */
  readonly check: (folder: string) => Promise<void>;
  /** For people: what is missing, `SoftHSM`, and the package that an administrator would install. */
  readonly wanted: { readonly name: string; readonly install: string };
}

/**
 * Takes packages of Debian or Ubuntu apart into `folder`, which needs no rights and installs nothing; the folder is there
 * whole or not at all. Downloads by apt's own, verified lists; where this machine has none, by some of ours.
 *
 * @throws DtaError `start_failed` with one sentence that says what to install
 */
export async function unpackPackages(folder: string, { packages, check, wanted }: PackageOptions): Promise<void> {
  const unfinished = `${folder}.${process.pid}`;
  const own = join(unfinished, 'apt');
  const aside = ['-o', `Dir::State::Lists=${own}/lists`, '-o', `Dir::Cache=${own}/cache`, '-o', 'Debug::NoLocking=1'];
  const download = async (options: readonly string[]) => {
    await run('apt-get', [...options, '-qq', 'download', ...packages], { cwd: unfinished, timeout: 120_000 });
  };
  try {
    await mkdir(join(own, 'lists', 'partial'), { recursive: true });
    await mkdir(join(own, 'cache', 'archives', 'partial'), { recursive: true });
    try {
      await download([]);
    } catch {
      await run('apt-get', [...aside, '-qq', 'update'], { timeout: 240_000 });
      await download(aside);
    }
    const archives = (await readdir(unfinished)).filter((name) => name.endsWith('.deb'));
    for (const archive of archives) {
      await run('dpkg-deb', ['-x', archive, '.'], { cwd: unfinished });
      await rm(join(unfinished, archive));
    }
    await check(unfinished);
    await rm(own, { recursive: true });
    await rename(unfinished, folder);
  } catch (cause) {
    const sentence = `${wanted.name} is neither installed nor could it be fetched`;
    const advice = `install ${wanted.install}, or apt-get with access to its archive`;
    throw new DtaError('start_failed', `${sentence}: ${advice}`, { cause });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}
