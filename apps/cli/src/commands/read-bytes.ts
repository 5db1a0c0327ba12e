import { DtaError } from '@dta/errors';
import { readFile } from 'node:fs/promises';
import { reasonOf } from '../reason-of.js';

/** The bytes of a file. @throws `start_failed` */
export async function readBytes(file: string): Promise<Uint8Array> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new DtaError('start_failed', `cannot read ${file}: ${reasonOf(cause)}`, { cause });
  });
  return new Uint8Array(bytes);
}
