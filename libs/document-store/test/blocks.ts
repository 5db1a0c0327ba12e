import { cidOf, cidToLink, encodeCanonical } from '@dta/codec';
import type { Batch, Block } from '@dta/document-store';
import { randomBytes } from 'node:crypto';

/** A new document. */
export function leaf(): Block {
  const bytes = encodeCanonical({ bytes: randomBytes(300) });
  return { cid: cidOf(bytes), bytes };
}

/** A new root that links to new documents. */
export function newBatch(leaves: readonly Block[] = [leaf(), leaf(), leaf()]): Batch {
  const bytes = encodeCanonical({ nonce: randomBytes(16), links: leaves.map(({ cid }) => cidToLink(cid)) });
  const root = cidOf(bytes);
  return { root, blocks: [{ cid: root, bytes }, ...leaves] };
}
