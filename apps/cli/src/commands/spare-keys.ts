import { bytesEqual } from '@dta/codec';
import { wipe } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import {
  drawKey,
  openSpareKey,
  readIdentity,
  sealSpareKey,
  softwareSigningKey,
  type DrawnKey,
  type Identity,
  type SigningKey,
  type SpareKey,
} from '@dta/identity';
import { openPassphrase } from './key-protection.js';
import { readBytes } from './read-bytes.js';
import { writeNew } from './write-new.js';

/** Where a spare key lies, and the passphrase that it is sealed under. */
export interface SpareKeyFiles {
  readonly file: string | undefined;
  readonly passphraseFile: string | undefined;
}

/** Draws a spare key and writes its new file. @returns its public half [32] @throws `request_invalid`, `start_failed` */
export async function writeSpareKey(key: SpareKey, files: SpareKeyFiles): Promise<Uint8Array> {
  const { file, passphraseFile } = both(key, files);
  const drawn = drawKey();
  const { protection, close } = await openPassphrase(passphraseFile);
  try {
    await writeNew(file, await sealSpareKey(key, drawn.seed, protection), 0o600);
    return drawn.key.publicKey;
  } finally {
    wipe(drawn.seed);
    await close();
  }
}

/** The spare key in a file; its seed is for the caller to wipe. @throws `request_invalid`, `start_failed`, `key_file_invalid` */
export async function readSpareKey(
  key: SpareKey,
  files: SpareKeyFiles,
): Promise<DrawnKey & { readonly seed: Uint8Array }> {
  const { file, passphraseFile } = both(key, files);
  const { protection, close } = await openPassphrase(passphraseFile);
  try {
    const seed = await openSpareKey(key, await readBytes(file), protection);
    return { key: softwareSigningKey(seed), seed };
  } finally {
    await close();
  }
}

/**
 * Uses the recovery key that a chain's first document names.
 *
 * @throws `key_file_invalid` where the file holds another, `start_failed`
 */
export async function withRecoveryKey<T>(
  document: string,
  file: string,
  passphraseFile: string,
  use: (key: SigningKey, first: Identity) => Promise<T>,
): Promise<T> {
  const first = readIdentity(await readBytes(document));
  const { key, seed } = await readSpareKey('recovery', { file, passphraseFile });
  try {
    if (first.recovery === null || !bytesEqual(key.publicKey, first.recovery)) {
      throw new DtaError('key_file_invalid', `${file} is not the recovery key that ${document} names`);
    }
    return await use(key, first);
  } finally {
    wipe(seed);
  }
}

function both(key: SpareKey, { file, passphraseFile }: SpareKeyFiles): { file: string; passphraseFile: string } {
  if (file !== undefined && passphraseFile !== undefined) return { file, passphraseFile };
  throw new DtaError('request_invalid', `the file of a ${key} key and --${key}-passphrase-file go together`);
}
