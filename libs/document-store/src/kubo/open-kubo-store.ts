import { cidToLink, type Cid } from '@dta/codec';
import { DtaError, isDtaError } from '@dta/errors';
import type { DAGImportResult } from 'kubo-rpc-client';
import { assertBatch, assertBlock, blockNotFound, MAX_BLOCK_BYTES, type DocumentStore } from '../document-store.js';
import { encodeCar } from '../car.js';
import { KuboClient } from './kubo-client.js';

/** How a Kubo node is reached. */
export interface KuboStoreOptions {
  /** `http://127.0.0.1:5001`; user and password in it are sent as `Authorization: Basic` (Kubo's API.Authorizations) */
  readonly url: string;
  /** how long one call may take, a search among other nodes included */
  readonly timeoutMs: number;
}

/** One root has a line of less than a KiB. */
const MAX_IMPORT_ANSWER_BYTES = 64 * 1024;

/**
 * A store on a Kubo node, by its RPC. A batch is one CAR whose root is pinned with all that it links to; a block is looked
 * for at the node's peers where it hasn't it itself. Nothing is sent before the first call.
 */
export function openKuboStore({ url, timeoutMs }: KuboStoreOptions): DocumentStore {
  const kubo = new KuboClient(url, timeoutMs);
  return {
    kind: 'kubo',
    put: async (batch) => {
      assertBatch(batch);
      const isPinned = await kubo.call({
        command: 'dag/import',
        maxBytes: MAX_IMPORT_ANSWER_BYTES,
        run: ({ dag }, signal) => saysPinned(dag.import([encodeCar(batch)], { pinRoots: true, signal }), batch.root),
      });
      if (!isPinned) {
        throw new DtaError('store_unavailable', 'Kubo did not say that it keeps the batch', {
          metadata: { block: batch.root },
        });
      }
    },
    get: async (cid) => {
      // Kubo ends its search a little before we would stop listening, so that it can say what it is
      const timeout = `${Math.ceil(timeoutMs * 0.9)}ms`;
      const bytes = await kubo
        .call({
          command: 'block/get',
          maxBytes: MAX_BLOCK_BYTES,
          run: ({ block }, signal) => block.get(cidToLink(cid), { timeout, signal }),
        })
        .catch((cause: unknown) => {
          throw saysNotFound(cause) ? blockNotFound(cid, cause) : cause;
        });
      assertBlock(cid, bytes);
      return bytes;
    },
  };
}

/**
 * Whether Kubo names the root as its own, and without an error of its pin. All is read: a failure in the middle of an
 * import comes after the blocks, in a trailer that no HTTP client here shows.
 */
async function saysPinned(results: AsyncIterable<DAGImportResult>, root: Cid): Promise<boolean> {
  let isPinned = false;
  for await (const { root: said } of results) isPinned ||= said.cid.toString() === root && said.pinErrorMsg === '';
  return isPinned;
}

/** Kubo has one status for everything, and says in words that neither it nor, in the time there was, its peers have it. */
function saysNotFound(error: unknown): boolean {
  const { said } = isDtaError(error, 'store_unavailable') ? error.metadata : {};
  return typeof said === 'string' && /not found|could not find|deadline exceeded/.test(said);
}
