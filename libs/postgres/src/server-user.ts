import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { DtaError } from '@dta/errors';

/** Whom the server runs as. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
  /** Whether that is another than the user of this process. */
  readonly other: boolean;
}

/**
 * The user of this process, but `nobody` where that would be root: PostgreSQL refuses to run as root.
 *
 * @throws DtaError `start_failed` where this system has no such user.
 */
export async function serverUser(): Promise<ServerUser> {
  const uid = process.getuid?.() ?? -1;
  const gid = process.getgid?.() ?? -1;
  if (uid !== 0) return { uid, gid, other: false };
  try {
    return { uid: await idOfNobody('-u'), gid: await idOfNobody('-g'), other: true };
  } catch (cause) {
    throw new DtaError(
      'start_failed',
      'PostgreSQL refuses to run as root and this system has no user "nobody": start the node as another user',
      { cause },
    );
  }
}

async function idOfNobody(which: '-u' | '-g'): Promise<number> {
  const { stdout } = await promisify(execFile)('id', [which, 'nobody']);
  return Number(stdout);
}
