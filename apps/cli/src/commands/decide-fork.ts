import type { Cid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import { decideFork as sign, IdentityDirectory, readIdentity, type Identity } from '@dta/identity';
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
  /** those between the two, in any order */
  readonly between?: readonly string[];
  readonly recoveryKeyFile: string;
  readonly recoveryPassphraseFile: string;
}

/**
 * Signs by the recovery key that a chain goes on with one of two successors, to everyone that has the Decision. Peers take
 * it for a document of that chain alone, so the succession is checked first.
 *
 * @returns the idDocumentCID that the Decision names
 * @throws `request_invalid`, `key_file_invalid`, `start_failed`, `identity_invalid`
 */
export async function decideFork(files: DecidedForkFiles): Promise<string> {
  const { document, keep, between = [], decision, reason, recoveryKeyFile, recoveryPassphraseFile } = files;
  const kept = readIdentity(await readBytes(keep));
  if (kept.prev === null) throw new DtaError('request_invalid', `${keep} is no successor of any document`);
  const documents = await Promise.all([document, ...between, keep].map(readBytes));
  return withRecoveryKey(document, recoveryKeyFile, recoveryPassphraseFile, async (key, first) => {
    if (firstOf(kept, documents) !== first.cid) {
      const sentence = `${keep} does not follow ${document} by what was given: --between takes each document between the two`;
      throw new DtaError('request_invalid', sentence);
    }
    await writeNew(decision, (await sign(kept.cid, reason, key, Date.now())).bytes);
    return kept.cid;
  });
}

/** The beginning of the chain that `identity` is the end of; null where these don't lead there. @throws `identity_invalid` */
function firstOf({ cid }: Identity, documents: readonly Uint8Array[]): Cid | null {
  const known = documents.map(readIdentity);
  const isWhole = known.every(({ prev }) => prev === null || known.some((one) => one.cid === prev));
  if (!isWhole) return null;
  const directory = new IdentityDirectory();
  directory.add(documents);
  return directory.firstOf(cid);
}
