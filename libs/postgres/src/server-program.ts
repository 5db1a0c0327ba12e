import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { ServerUser } from './server-user.js';

/** Where a server lives and as whom. */
export interface ServerHome {
  /** The folder of its binaries. */
  readonly native: string;
  /** Its own folder, a real path. */
  readonly directory: string;
  readonly user: ServerUser;
}

/** A program of the server: no input, its output dropped, its messages to be read. */
export type ServerProcess = ChildProcessByStdio<null, null, Readable>;

/** The server's folder as its user sees it, where that is another than ours. */
const inheritedFolder = '/proc/self/fd/3';

/**
 * Starts a program on the server's folder, with arguments made from the path at which it sees that folder.
 *
 * Another user may not get there by its real path: root's home, where root puts a checkout, is closed to others. So it
 * inherits the open folder instead, as file descriptor 3, and what is closed above doesn't matter. Its environment
 * names no other server, locale or library; a Ctrl-C in the terminal is for the node alone, which stops its server last.
 *
 * On Linux it ends with this process, however that dies: `setpriv` has the kernel send it SIGQUIT, at which a server shuts
 * down at once. Where there is no such program, and with `outlives`, a killed node leaves it behind until the next start.
 *
 * Synchronous, so that the caller listens before anything can happen: a program that fails ends within milliseconds, and
 * its end is told once.
 */
export function startProgram(
  { native, directory, user }: ServerHome,
  program: 'initdb' | 'postgres',
  args: (folder: string) => readonly string[],
  { outlives = false }: { readonly outlives?: boolean } = {},
): ServerProcess {
  const folder = openSync(directory, 'r');
  const setpriv = outlives ? undefined : findSetpriv();
  const own = [join(native, 'bin', program), ...args(user.other ? inheritedFolder : directory)];
  const [command = '', ...all] = setpriv === undefined ? own : [setpriv, '--pdeathsig', 'QUIT', '--', ...own];
  try {
    return spawn(command, all, {
      ...(user.other ? { uid: user.uid, gid: user.gid } : {}),
      cwd: '/',
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', folder],
    }) as ServerProcess; // spawn has no type for more than three streams
  } finally {
    closeSync(folder);
  }
}

let setprivFound: { readonly path: string | undefined } | undefined;

/** Of util-linux; another of that name may not know the option. */
function findSetpriv(): string | undefined {
  setprivFound ??= {
    path: ['/usr/bin/setpriv', '/bin/setpriv'].find(
      (path) => existsSync(path) && spawnSync(path, ['--pdeathsig', 'QUIT', '--', 'true']).status === 0,
    ),
  };
  return setprivFound.path;
}

/** What a program said, with the folder's real path in it. */
export function withRealPaths(said: string, { directory }: ServerHome): string {
  return said.replaceAll(inheritedFolder, directory);
}
