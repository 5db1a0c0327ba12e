import { cidOf, type Cid } from '@dta/codec';
import { DtaError } from '@dta/errors';

/** The largest block there may be: a bundle of its limit (docs/protocol.md §5). */
export const MAX_BLOCK_BYTES = 1024 * 1024;

/** Bytes and their name: canonical DAG-CBOR, at most {@link MAX_BLOCK_BYTES}. */
export interface Block {
  readonly cid: Cid;
  readonly bytes: Uint8Array;
}

/** The most blocks of a batch: a segment and its envelopes, of which it has at most 1,000 (docs/protocol.md §4). */
export const MAX_BLOCKS = 1_001;

/**
 * Blocks that are kept together, {@link MAX_BLOCKS} at most: `root` is one of them, and links to the others or stands alone.
 */
export interface Batch {
  readonly root: Cid;
  readonly blocks: readonly Block[];
}

/**
 * Keeps public documents by their CID, for everyone who can read the store. Whoever opens one holds every block that
 * comes out of it against its CID, so a store is trusted to be there and with nothing else.
 */
export interface DocumentStore {
  /** `kubo`, `filesystem` */
  readonly kind: string;

  /**
   * Keeps a batch for good: once this settles, a crash loses none of it. It may be put again, whole or in part there
   * already, and the outcome is the same.
   *
   * @throws `block_invalid` for bytes that are not their CID's, a batch without its root, and more or larger blocks than may
   * be, and then nothing is kept; `store_unavailable`, and then any part may be there
   */
  put(batch: Batch): Promise<void>;

  /**
   * The bytes of a block, from wherever the store can find it.
   *
   * @throws `block_not_found`; `block_invalid` where what the store has under that CID is something else;
   * `store_unavailable`
   */
  get(cid: Cid): Promise<Uint8Array>;
}

/** Holds a batch against its CIDs, before any of it is kept. @throws `block_invalid` */
export function assertBatch({ root, blocks }: Batch): void {
  // what would be refused on reading isn't acknowledged
  const isTooLarge = blocks.length > MAX_BLOCKS || blocks.some(({ bytes }) => bytes.length > MAX_BLOCK_BYTES);
  if (isTooLarge) {
    const sentence = `a batch has at most ${MAX_BLOCKS} blocks, of at most ${MAX_BLOCK_BYTES} bytes each`;
    throw new DtaError('block_invalid', sentence, { metadata: { block: root } });
  }
  for (const { cid, bytes } of blocks) assertBlock(cid, bytes);
  if (!blocks.some(({ cid }) => cid === root)) {
    throw new DtaError('block_invalid', 'the root of a batch is one of its blocks', { metadata: { block: root } });
  }
}

/** @throws `block_invalid` unless `bytes` are what `cid` names */
export function assertBlock(cid: Cid, bytes: Uint8Array): void {
  if (cidOf(bytes) === cid) return;
  throw new DtaError('block_invalid', 'the bytes of a block are not what its CID names', { metadata: { block: cid } });
}

/** The error of a block that isn't there. */
export function blockNotFound(cid: Cid, cause?: unknown): DtaError {
  return new DtaError('block_not_found', 'the store has no block of that CID', { metadata: { block: cid }, cause });
}
