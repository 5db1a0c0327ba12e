import { DtaError } from '@dta/errors';
import { sealKeyFile, type KeyFileProtection, type KeyGeneration } from '@dta/identity';
import { open, rm } from 'node:fs/promises';

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
  try {
    const handle = await open(file, 'wx', 0o600);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } catch (cause) {
      await rm(file, { force: true });
      throw cause;
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw new DtaError('start_failed', `cannot write the key file ${file}: ${reasonOf(cause)}`, { cause });
  }
}

/** Node's own errors carry a code such as ENOSPC; their message may be long. */
function reasonOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown reason';
}
