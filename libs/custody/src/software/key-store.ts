import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
  type BigIntStats,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { decodeDocument, encodeDocument, fields } from '@dta/codec';
import { wipe } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { z } from 'zod';
import { keyNamePattern } from '../custody.js';
import { isCode, type StillHeld } from './file-lock.js';

const MAX_BYTES = 1024 * 1024;

const keyStore = z.strictObject({
  v: z.literal(1),
  type: z.literal('custody'),
  keys: z.record(z.string().regex(keyNamePattern), fields.bytes(32)),
});

/** AES-256 keys [32] by name. */
export type Keys = Readonly<Record<string, Uint8Array>>;

/**
 * Reads the file of keys.
 *
 * @throws `custody_unavailable` when it can't be read or others could read it too, `custody_invalid` when it is damaged
 */
export function readKeys(file: string): Keys {
  for (;;) {
    const { id, bytes } = readWhole(file);
    try {
      return decodeDocument(keyStore, bytes, MAX_BYTES).keys;
    } catch (cause) {
      // destroying a key overwrites the file's former bytes: who had just opened those reads the new ones
      if (idOf(statSync(file, { bigint: true, throwIfNoEntry: false })) !== id) continue;
      throw new DtaError(
        'custody_invalid',
        `${file} is damaged: it was left as it is; put back the copy it had, or its secrets are lost`,
        { cause },
      );
    } finally {
      wipe(bytes);
    }
  }
}

function readWhole(file: string): { id: string; bytes: Uint8Array } {
  let descriptor: number;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (cause) {
    const reason = isCode(cause, 'ENOENT') ? 'is not there' : "can't be read, or is a symbolic link";
    throw new DtaError('custody_unavailable', `${file} ${reason}`, { cause });
  }
  try {
    const stats = fstatSync(descriptor, { bigint: true });
    if ((stats.mode & 0o077n) !== 0n) {
      throw new DtaError('custody_unavailable', `${file} holds keys and can be read by others: chmod 600 ${file}`);
    }
    return { id: idOf(stats), bytes: readFileSync(descriptor) };
  } finally {
    closeSync(descriptor);
  }
}

function idOf(stats: BigIntStats | undefined): string {
  return stats === undefined ? 'gone' : `${stats.ino}:${stats.ctimeNs}`;
}

/** Whether the file of keys is there, sound or not. */
export function keysExist(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

/**
 * Puts `keys` in the place of the file's: written beside it, flushed, renamed, the folder flushed. For the holder of
 * the lock.
 *
 * @returns false, and nothing has changed, where the lock was taken away meanwhile
 * @throws `custody_unavailable` when it can't be written
 */
export function replaceKeys(file: string, keys: Keys, stillHeld: StillHeld): boolean {
  const bytes = encodeDocument(keyStore, { v: 1, type: 'custody', keys });
  const temporary = `${temporaryPrefix(file)}${randomBytes(8).toString('hex')}`;
  try {
    writeFileSync(temporary, bytes, { mode: 0o600, flag: 'wx', flush: true });
    // between the check and the rename only one thing can happen: whoever took the lock removes `temporary` first
    if (!stillHeld()) return false;
    renameSync(temporary, file);
    flushFolder(file);
    return true;
  } catch (cause) {
    if (isCode(cause, 'ENOENT') && !stillHeld()) return false;
    throw new DtaError('custody_unavailable', `${file} can't be written`, { cause });
  } finally {
    wipe(bytes);
    rmSync(temporary, { force: true });
  }
}

/** Removes what a holder of the lock that died, or lost it, had begun to write. For the holder of the lock. */
export function removeUnfinished(file: string): void {
  const prefix = basename(temporaryPrefix(file));
  for (const name of readdirSync(dirname(file))) {
    if (name.startsWith(prefix)) rmSync(join(dirname(file), name), { force: true });
  }
}

/**
 * Opens the file as it is now, to overwrite it once another has taken its place. Best effort: a journal, a copy on
 * write, a flash drive's spare blocks, a snapshot or a backup keep what was there.
 */
export function overwriteLater(file: string): { overwrite(): void; close(): void } {
  const descriptor = openSync(file, constants.O_RDWR | constants.O_NOFOLLOW);
  return {
    overwrite() {
      writeSync(descriptor, new Uint8Array(fstatSync(descriptor).size), null, undefined, 0);
      fsyncSync(descriptor);
    },
    close: () => closeSync(descriptor),
  };
}

function temporaryPrefix(file: string): string {
  return `${file}.new-`;
}

function flushFolder(file: string): void {
  const descriptor = openSync(dirname(file), constants.O_RDONLY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
