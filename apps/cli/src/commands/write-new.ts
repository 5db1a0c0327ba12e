import { DtaError } from '@dta/errors';
import { writeFile } from 'node:fs/promises';
import { reasonOf } from '../reason-of.js';

/** Writes a new file; one that is there stays as it is. @throws `start_failed` */
export async function writeNew(file: string, bytes: Uint8Array, mode = 0o644): Promise<void> {
  try {
    await writeFile(file, bytes, { flag: 'wx', mode, flush: true });
  } catch (cause) {
    throw new DtaError('start_failed', `cannot write ${file}: ${reasonOf(cause)}`, { cause });
  }
}
