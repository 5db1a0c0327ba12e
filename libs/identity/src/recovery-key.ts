import { decodeDocument, encodeDocument, fields } from '@dta/codec';
import { DtaError } from '@dta/errors';
import { z } from 'zod';
import type { KeyFileProtection } from './key-file.js';

const MAX_RECOVERY_FILE_BYTES = 4096;

const recoveryFile = fields.map({
  v: z.literal(1),
  type: z.literal('recoverykey'),
  sealed: fields.bytesUpTo(MAX_RECOVERY_FILE_BYTES),
});

/**
 * The bytes of a recovery key's file. It is of use when the node and its custody are lost or in other hands, so it is under
 * a passphrase and lies elsewhere.
 *
 * @param seed Ed25519 [32]
 */
export async function sealRecoveryKey(seed: Uint8Array, protection: KeyFileProtection): Promise<Uint8Array> {
  return encodeDocument(recoveryFile, { v: 1, type: 'recoverykey', sealed: await protection.seal(seed) });
}

/** The seed [32] in a recovery key's file. @throws `key_file_invalid` */
export async function openRecoveryKey(bytes: Uint8Array, protection: KeyFileProtection): Promise<Uint8Array> {
  let sealed: Uint8Array;
  try {
    ({ sealed } = decodeDocument(recoveryFile, bytes, MAX_RECOVERY_FILE_BYTES));
  } catch (cause) {
    throw new DtaError('key_file_invalid', 'not the file of a recovery key', { cause });
  }
  const seed = await protection.open(sealed);
  if (seed.length !== 32) throw new DtaError('key_file_invalid', 'a recovery key has 32 bytes');
  return seed;
}
