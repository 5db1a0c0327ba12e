import { bytesEqual, cidOf, type Cid } from '@dta/codec';
import { DtaError, isDtaError } from '@dta/errors';
import {
  assertNotAhead,
  identityStatement,
  nextKeyHash,
  parseStatement,
  verifySignature,
  type Identity,
  type IdentityDirectory,
  type StatementOf,
} from '@dta/identity';
import type { Admission } from './admission.js';

/** An Identity Document that has the form of one. */
export type Document = StatementOf<typeof identityStatement>;

/**
 * Adds what leads from a sender's document to those of its chain that are known. A stranger costs no more than the form of
 * what it sent: nothing is verified, nor remembered, for a chain that isn't admitted, and of an admitted chain no document
 * that its predecessor did not commit to and sign. Other documents wait until the sender is known.
 *
 * @throws `identity_not_admitted`; `identity_not_found` where a document of the chain is missing; `identity_invalid`,
 * `time_ahead`
 */
export async function addLineage(
  directory: IdentityDirectory,
  admission: Admission,
  sender: Cid,
  documents: readonly Uint8Array[],
  now: number,
): Promise<void> {
  const lineage = unknownOf(directory, sender, documents);
  await admission.assertAdmitted(lineage[0]?.body.prev ?? lineage[0]?.cid ?? sender, directory);
  for (const document of lineage) addDocument(directory, document, now);
}

/**
 * Adds one document, verified: of a successor first that its predecessor committed to it and signed it, which costs least.
 *
 * @throws `identity_invalid`, `identity_not_found` where its predecessor isn't at hand, `time_ahead`
 */
export function addDocument(directory: IdentityDirectory, document: Document, now: number): Identity {
  const { cid, body, bytes } = document;
  const known = directory.find(cid);
  if (known !== undefined) return known; // it was checked when it came
  if (body.prev !== null) assertFollows(document, directory.get(body.prev));
  assertNotAhead(body.createdAt, now);
  directory.add([bytes]);
  return directory.get(cid);
}

/** Documents of the sender's chain that aren't known, oldest first, read and not verified. */
function unknownOf(directory: IdentityDirectory, sender: Cid, documents: readonly Uint8Array[]): Document[] {
  const byCid = new Map(documents.map((bytes) => [cidOf(bytes), bytes]));
  const lineage: Document[] = [];
  for (let cid: Cid | null = sender; cid !== null && directory.find(cid) === undefined;) {
    const bytes = byCid.get(cid);
    if (bytes === undefined) {
      throw new DtaError('identity_not_found', 'no identity document at hand for that CID', {
        metadata: { identity: cid },
      });
    }
    const document = parseDocument(bytes, cid);
    lineage.unshift(document);
    cid = document.body.prev;
  }
  return lineage;
}

/** Reads a document's form, and verifies nothing. @throws `identity_invalid`, `too_large`, `non_canonical` */
export function parseDocument(bytes: Uint8Array, cid: Cid): Document {
  return refusing(() => parseStatement([identityStatement], bytes, cid));
}

function assertFollows(document: Document, { next, keys }: Identity): void {
  if (next === null || !bytesEqual(nextKeyHash(document.body.keys.sign), next)) {
    throw new DtaError('identity_invalid', 'identity document has another key than its predecessor committed to');
  }
  refusing(() => verifySignature(document, keys.sign, 1));
}

function refusing<T>(check: () => T): T {
  try {
    return check();
  } catch (cause) {
    if (!isDtaError(cause, 'document_invalid', 'signature_invalid')) throw cause;
    throw new DtaError('identity_invalid', 'identity document does not verify', { cause });
  }
}
