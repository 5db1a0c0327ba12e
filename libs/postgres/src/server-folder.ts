import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, link, mkdir, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { DtaError } from '@dta/errors';
import { startFailure } from './start-failure.js';
import { startProgram, withRealPaths, type ServerHome } from './server-program.js';
import type { ServerUser } from './server-user.js';

/** The one account of the server. */
export const account = 'app';

/**
 * Makes `directory` (mode 0700, owned by `user`) or checks the one that is there; answers its real path.
 *
 * @throws DtaError `start_failed` where it can't be made or belongs to somebody else.
 */
export async function openFolder(directory: string, user: ServerUser): Promise<string> {
  const metadata = { directory };
  try {
    await mkdir(dirname(directory), { recursive: true });
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new DtaError('start_failed', `can't make the folder ${directory}: ${String(cause)}`, { metadata, cause });
  }
  const real = await realpath(directory);
  const { uid } = await stat(real);
  if (uid !== user.uid) {
    // an empty folder of root's (just made, or a mounted volume) is handed over; anything else isn't ours to take
    if (!user.other || uid !== 0 || (await readdir(real)).length > 0) {
      const sentence = `${real} belongs to user ${uid}, but PostgreSQL would run as user ${user.uid}: start the node as before`;
      throw new DtaError('start_failed', sentence, { metadata });
    }
    await chown(real, user.uid, user.gid);
  }
  return real;
}

/**
 * The password of the server at `directory`, made (24 random bytes, file mode 0600) where there is none yet.
 *
 * @throws DtaError `start_failed` where there are data but the password that opens them is gone.
 */
export async function readPassword(directory: string, user: ServerUser): Promise<string> {
  const file = join(directory, 'password');
  if (!(await readdir(directory)).includes('password')) {
    if (await hasData(directory)) {
      const sentence = `the password file ${file} is gone, and without it the data beside it can't be opened`;
      throw new DtaError('start_failed', sentence, { metadata: { directory } });
    }
    // whole or not at all, and of two that make it at once both take the first one's
    const fresh = `${file}.${randomBytes(6).toString('hex')}`;
    await writeFile(fresh, randomBytes(24).toString('base64url'), { mode: 0o600, flush: true });
    await chown(fresh, user.uid, user.gid);
    await link(fresh, file).catch(() => undefined);
    await rm(fresh);
  }
  return readFile(file, 'utf8');
}

/** Whether a finished cluster lies in `directory`; one whose `initdb` was interrupted has another name. */
export async function hasData(directory: string): Promise<boolean> {
  return (await readdir(directory)).includes('data');
}

/**
 * Makes the cluster `directory`/data: scram-sha-256 for every connection, UTF-8, the same order of text on every machine.
 *
 * @throws DtaError `start_failed` with what `initdb` said.
 */
export async function makeData(home: ServerHome, sync: boolean, version: string): Promise<void> {
  const { directory } = home;
  for (const name of await readdir(directory)) {
    // of an earlier, interrupted initdb; if that one still writes there, it fails now, and nobody waits for it
    if (name.startsWith('data.new-')) await rm(join(directory, name), { recursive: true }).catch(() => undefined);
  }
  const fresh = `data.new-${randomBytes(6).toString('hex')}`;
  const initdb = startProgram(home, 'initdb', (folder) => [
    ...[`--pgdata=${folder}/${fresh}`, `--username=${account}`, '--auth=scram-sha-256', `--pwfile=${folder}/password`],
    ...['--encoding=UTF8', '--locale=C'],
    // before PostgreSQL 17 there is none, and C alone orders the same, by code point
    ...(Number.parseInt(version, 10) < 17 ? [] : ['--locale-provider=builtin', '--builtin-locale=C.UTF-8']),
    ...['--no-instructions', ...(sync ? [] : ['--no-sync'])],
  ]);
  let said = '';
  initdb.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const status = await new Promise<number | null>((done) => {
    initdb.once('close', done);
    initdb.once('error', (error) => {
      said += String(error);
      done(null);
    });
  });
  if (status !== 0) {
    await rm(join(directory, fresh), { recursive: true, force: true }).catch(() => undefined);
    throw startFailure(directory, withRealPaths(said, home));
  }
  await rename(join(directory, fresh), join(directory, 'data'));
}

/**
 * Refuses a cluster that this server can't open, before anything in it is touched.
 *
 * @throws DtaError `start_failed` where it is damaged or of another major version.
 */
export async function checkData({ native, directory }: ServerHome): Promise<void> {
  const data = join(directory, 'data');
  const metadata = { directory };
  const version = await readFile(join(data, 'PG_VERSION'), 'utf8').then(
    (text) => text.trim(),
    () => '',
  );
  if (!/^\d+$/.test(version)) {
    const sentence = `${data} is damaged (its PG_VERSION is missing or unreadable): put back a backup of ${directory}`;
    throw new DtaError('start_failed', sentence, { metadata });
  }
  const { stdout } = await promisify(execFile)(join(native, 'bin', 'postgres'), ['--version'], { env: {} });
  const ours = /\d+/.exec(stdout)?.[0] ?? '';
  if (version !== ours) {
    const sentence = `${data} was written by PostgreSQL ${version} and this is ${ours}: upgrade it with pg_upgrade first`;
    throw new DtaError('start_failed', sentence, { metadata });
  }
}
