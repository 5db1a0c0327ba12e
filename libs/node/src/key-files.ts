import { DtaError, isDtaError } from '@dta/errors';
import { openKeyFile, sealKeyFile, type KeyFileProtection, type KeyGeneration } from '@dta/identity';
import { randomBytes } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';

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

/** Node's own errors carry a code such as ENOSPC; their message may be long. */
function reasonOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown reason';
}
