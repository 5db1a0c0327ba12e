import { decodeDocument, encodeDocument, fields } from '@dta/codec';
import { DtaError } from '@dta/errors';
import { z } from 'zod';
import type { KeyFileProtection } from './key-file.js';

/** A key that its operator keeps apart from the node: the recovery key, or the signing key of the next generation. */
export type SpareKey = 'recovery' | 'next';

const MAX_SPARE_FILE_BYTES = 4096;

const spareFile = (key: SpareKey) =>
  fields.map({ v: z.literal(1), type: z.literal(`${key}key`), sealed: fields.bytesUpTo(MAX_SPARE_FILE_BYTES) });

const files = { recovery: spareFile('recovery'), next: spareFile('next') };

/**
 * The bytes of a spare key's file. It is of use when the node and its custody are lost or in other hands, so it is under a
 * passphrase and lies elsewhere.
 *
 * @param seed Ed25519 [32]
 */
export async function sealSpareKey(
  key: SpareKey,
  seed: Uint8Array,
  protection: KeyFileProtection,
): Promise<Uint8Array> {
  return encodeDocument(files[key], { v: 1, type: `${key}key`, sealed: await protection.seal(seed) });
}

/** The seed [32] in a spare key's file. @throws `key_file_invalid` */
export async function openSpareKey(
  key: SpareKey,
  bytes: Uint8Array,
  protection: KeyFileProtection,
): Promise<Uint8Array> {
  let sealed: Uint8Array;
  try {
    ({ sealed } = decodeDocument(files[key], bytes, MAX_SPARE_FILE_BYTES));
  } catch (cause) {
    throw new DtaError('key_file_invalid', `not the file of a ${key} key`, { cause });
  }
  const seed = await protection.open(sealed);
  if (seed.length !== 32) throw new DtaError('key_file_invalid', `a ${key} key has 32 bytes`);
  return seed;
}
