import { DtaError } from '@dta/errors';
import { readFile } from 'node:fs/promises';
import { reasonOf } from './reason-of.js';

/** What a file holds that no command line may: a token, an address with a password. Null where none is given. @throws `start_failed` */
export async function readSecretFile(file: string | undefined): Promise<string | null> {
  if (file === undefined) return null;
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new DtaError('start_failed', `cannot read ${file}: ${reasonOf(cause)}`, { cause });
  });
  return text.trim();
}
