import { DtaError } from '@dta/errors';
import { readIdentity, revokeIdentity as sign, wipeGenerations } from '@dta/identity';
import { readKeyFile } from '@dta/node';
import { openProtection, signingKeyOf, type KeyProtectionOptions } from './key-protection.js';
import { withRecoveryKey } from './spare-keys.js';
import { writeNew } from './write-new.js';

/** Whose chain is to end, by which key, and where the Revocation goes. */
export interface RevokedIdentityFiles extends KeyProtectionOptions {
  readonly reason: string;
  readonly revocation: string;
  /** by the newest key of this file */
  readonly keyFile?: string;
  /** or by the recovery key of the chain whose first document this is */
  readonly document?: string;
  readonly recoveryKeyFile?: string;
  readonly recoveryPassphraseFile?: string;
}

/**
 * Signs the end of a node's chain: it says nothing new any more, to anyone who has the Revocation. What it said before, and
 * certificates made of that, stay valid.
 *
 * @returns the idDocumentCID that the Revocation names
 * @throws `request_invalid`, `key_file_invalid`, `start_failed`
 */
export function revokeIdentity(
  files: RevokedIdentityFiles,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const { keyFile, document, recoveryKeyFile, recoveryPassphraseFile } = files;
  if (keyFile !== undefined) return byNewest(files, keyFile, environment);
  if (document !== undefined && recoveryKeyFile !== undefined && recoveryPassphraseFile !== undefined) {
    return byRecovery(files, document, recoveryKeyFile, recoveryPassphraseFile);
  }
  throw new DtaError(
    'request_invalid',
    'give --key-file, or --document with --recovery-key-file and --recovery-passphrase-file',
  );
}

async function byNewest(
  files: RevokedIdentityFiles,
  keyFile: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const { protection, signing, close } = await openProtection(files, environment);
  try {
    const generations = await readKeyFile(keyFile, protection);
    try {
      const newest = generations.at(-1);
      if (newest === undefined) throw new DtaError('key_file_invalid', `${keyFile} holds no key`);
      const identity = readIdentity(newest.document);
      const key = await signingKeyOf(newest, identity, signing);
      await writeNew(files.revocation, (await sign(identity.cid, files.reason, key, Date.now())).bytes);
      return identity.cid;
    } finally {
      wipeGenerations(generations);
    }
  } finally {
    await close();
  }
}

async function byRecovery(
  { reason, revocation }: RevokedIdentityFiles,
  document: string,
  file: string,
  passphraseFile: string,
): Promise<string> {
  return withRecoveryKey(document, file, passphraseFile, async (key, { cid }) => {
    await writeNew(revocation, (await sign(cid, reason, key, Date.now())).bytes);
    return cid;
  });
}
