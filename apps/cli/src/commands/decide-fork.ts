import { DtaError } from '@dta/errors';
import { decideFork as sign, readIdentity } from '@dta/identity';
import { readBytes } from './read-bytes.js';
import { withRecoveryKey } from './spare-keys.js';
import { writeNew } from './write-new.js';

/** Which successor a chain goes on with, by which key, and where the Decision goes. */
export interface DecidedForkFiles {
  readonly reason: string;
  readonly decision: string;
  /** the chain's first document, which names the recovery key */
  readonly document: string;
  /** the document that the chain goes on with */
  readonly keep: string;
  readonly recoveryKeyFile: string;
  readonly recoveryPassphraseFile: string;
}

/**
 * Signs by the recovery key that a chain goes on with one of two successors, to everyone that has the Decision.
 *
 * @returns the idDocumentCID that the Decision names
 * @throws `request_invalid`, `key_file_invalid`, `start_failed`, `identity_invalid`
 */
export async function decideFork(files: DecidedForkFiles): Promise<string> {
  const { document, keep, decision, reason, recoveryKeyFile, recoveryPassphraseFile } = files;
  const kept = readIdentity(await readBytes(keep));
  if (kept.prev === null) throw new DtaError('request_invalid', `${keep} is no successor of any document`);
  return withRecoveryKey(document, recoveryKeyFile, recoveryPassphraseFile, async (key) => {
    await writeNew(decision, (await sign(kept.cid, reason, key, Date.now())).bytes);
    return kept.cid;
  });
}
