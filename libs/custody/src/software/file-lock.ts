import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, linkSync, openSync, renameSync, rmSync, statSync, type BigIntStats } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { DtaError } from '@dta/errors';

/** A lock that stays the same for this long was left by a process that died: it is held for milliseconds. */
const STALE_MS = 5_000;
const POLL_MS = 20;
const GIVE_UP_MS = 30_000;

/** Whether this process still has the lock: asked right before what it protects takes effect. */
export type StillHeld = () => boolean;

/**
 * Runs `critical` under a lock file beside `file`, alone among all processes that see the file. `critical` is
 * synchronous, so within a process nothing comes between; it answers undefined where it found the lock taken away,
 * and is then run again under a new one.
 *
 * A lock is known by its inode and is stale by the waiter's own clock, so that neither clocks of machines nor process
 * ids of containers are compared.
 *
 * @throws `custody_unavailable` when the lock can't be had in 30 s; what `critical` throws
 */
export async function underLock<T>(file: string, critical: (stillHeld: StillHeld) => T | undefined): Promise<T> {
  const path = `${file}.lock`;
  const giveUpAt = performance.now() + GIVE_UP_MS;
  let seen: { id: string; since: number } | undefined;
  for (;;) {
    const result = tryUnderLock(path, critical);
    if (result !== undefined) return result;
    if (performance.now() > giveUpAt) {
      throw new DtaError('custody_unavailable', `${path} is held by another process; nothing was changed`);
    }
    const id = idAt(path);
    if (id === undefined) continue;
    if (seen?.id !== id) seen = { id, since: performance.now() };
    else if (performance.now() - seen.since > STALE_MS) breakLock(path, id);
    await delay(POLL_MS);
  }
}

function tryUnderLock<T>(path: string, critical: (stillHeld: StillHeld) => T | undefined): T | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'wx', 0o600);
  } catch (cause) {
    if (isCode(cause, 'EEXIST')) return undefined;
    throw new DtaError('custody_unavailable', `${path} can't be created`, { cause });
  }
  // while the descriptor is open, its inode belongs to no other file
  const own = idOf(fstatSync(descriptor, { bigint: true }));
  const stillHeld = () => idAt(path) === own;
  try {
    return critical(stillHeld);
  } finally {
    if (stillHeld()) rmSync(path, { force: true });
    closeSync(descriptor);
  }
}

/** Takes a stale lock out of the way by a rename, which only one waiter can do; one that was fresh is put back. */
function breakLock(path: string, stale: string): void {
  const aside = `${path}-${randomBytes(8).toString('hex')}`;
  try {
    renameSync(path, aside);
    if (idAt(aside) !== stale) linkSync(aside, path);
  } catch (cause) {
    // gone by itself, or the next holder is already there: who lost its lock sees it before anything takes effect
    if (!isCode(cause, 'ENOENT') && !isCode(cause, 'EEXIST')) throw cause;
  } finally {
    rmSync(aside, { force: true });
  }
}

function idAt(path: string): string | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats && idOf(stats);
}

/** Inode and time of birth: rename and link leave both. */
function idOf({ dev, ino, birthtimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${birthtimeNs}`;
}

/** Whether `error` is a system error of that code. */
export function isCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
