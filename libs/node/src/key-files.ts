import { DtaError, isDtaError } from '@dta/errors';
import { openKeyFile, sealKeyFile, type KeyFileProtection, type KeyGeneration } from '@dta/identity';
import { randomBytes } from 'node:crypto';
import { chown, link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';

/**
 * Reads a node's key file.
 *
 * @throws `start_failed` where it can't be read; what `openKeyFile` throws, with the file's name
 */
export async function readKeyFile(file: string, protection: KeyFileProtection): Promise<KeyGeneration[]> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new DtaError('start_failed', `cannot read the key file ${file}: ${reasonOf(cause)}`, { cause });
  });
  try {
    return await openKeyFile(new Uint8Array(bytes), protection);
  } catch (cause) {
    if (!isDtaError(cause)) throw cause;
    throw new DtaError(cause.code, `cannot open the key file ${file}: ${cause.message}`, { cause });
  }
}

/**
 * Writes a new key file, readable by its owner alone. One that is there stays as it is.
 *
 * @throws `start_failed` where the file exists or can't be written
 */
export async function writeKeyFile(
  file: string,
  generations: readonly KeyGeneration[],
  protection: KeyFileProtection,
): Promise<void> {
  const bytes = await sealKeyFile(generations, protection);
  const unfinished = `${file}.${randomBytes(8).toString('hex')}`;
  try {
    await writeFile(unfinished, bytes, { mode: 0o600, flag: 'wx', flush: true });
    await link(unfinished, file); // whole or not at all, and never over another
  } catch (cause) {
    throw new DtaError('start_failed', `cannot write the key file ${file}: ${reasonOf(cause)}`, { cause });
  } finally {
    await rm(unfinished, { force: true });
  }
}

/**
 * Writes a key file anew in the place of the one that is there, with its owner and mode: whole, or not at all.
 *
 * @throws `start_failed` where it can't be written, or is being replaced by somebody else
 */
export async function replaceKeyFile(
  file: string,
  generations: readonly KeyGeneration[],
  protection: KeyFileProtection,
): Promise<void> {
  const bytes = await sealKeyFile(generations, protection);
  const unfinished = `${file}.new`; // one name: of two who replace it at once, one gives up
  try {
    const { uid, gid, mode } = await stat(file);
    await writeFile(unfinished, bytes, { mode: mode & 0o777, flag: 'wx', flush: true });
    try {
      await chown(unfinished, uid, gid);
      await rename(unfinished, file);
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    }
  } catch (cause) {
    const reason = reasonOf(cause);
    const hint = reason === 'EEXIST' ? `; ${unfinished} is there: somebody else is at it, or was interrupted` : '';
    throw new DtaError('start_failed', `cannot write the key file ${file}: ${reason}${hint}`, { cause });
  }
}

/** Node's own errors carry a code such as ENOSPC; their message may be long. */
function reasonOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown reason';
}
