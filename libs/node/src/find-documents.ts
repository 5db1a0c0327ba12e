import type { Cid } from '@dta/codec';
import { IDENTITY_SEARCH_MS } from '@dta/contracts';
import type { DocumentStore } from '@dta/document-store';
import { DtaError, isDtaError } from '@dta/errors';
import { MAX_GENERATIONS } from '@dta/identity';
import type { Admission } from './admission.js';

/**
 * The Identity Document of that CID and its predecessors, out of the document store, as far as they aren't known: the
 * newest last. What a store gives is what the CID names; whether it is an identity is for whoever reads it.
 *
 * @throws `identity_not_found` where there is no CID, no store, or no such document in it; `identity_invalid`;
 * `block_invalid`, `store_unavailable`
 */
export async function findDocuments(
  store: DocumentStore | null,
  admission: Pick<Admission, 'directory'>,
  wanted: Cid | null,
): Promise<Uint8Array[]> {
  const { directory } = admission;
  const documents: Uint8Array[] = [];
  for (let cid = wanted; cid !== null && (cid === wanted || directory.find(cid) === undefined);) {
    if (documents.length === MAX_GENERATIONS)
      throw new DtaError('identity_invalid', 'a chain of identities has no end');
    const bytes: Uint8Array = directory.find(cid)?.bytes ?? (await search(store, cid));
    documents.unshift(bytes);
    cid = directory.reader(bytes).prev;
  }
  if (documents.length === 0) throw notFound('no document and no CID', wanted);
  return documents;
}

async function search(store: DocumentStore | null, cid: Cid): Promise<Uint8Array> {
  if (store === null) throw notFound('this role has no document store to find an identity in: give the document', cid);
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(notFound('the document store did not find it in time', cid)), IDENTITY_SEARCH_MS);
  });
  try {
    return await Promise.race([store.get(cid), tooLate]);
  } catch (cause) {
    if (isDtaError(cause, 'block_not_found'))
      throw notFound('the document store has no document of that CID', cid, cause);
    throw cause;
  } finally {
    clearTimeout(timer);
  }
}

function notFound(message: string, identity: Cid | null, cause?: unknown): DtaError {
  return new DtaError('identity_not_found', message, { metadata: { identity }, cause });
}
