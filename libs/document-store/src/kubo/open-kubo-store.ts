import type { Cid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import { assertBatch, assertBlock, blockNotFound, type DocumentStore } from '../document-store.js';
import { encodeCar } from '../car.js';
import { KuboRpc } from './kubo-rpc.js';

/** How a Kubo node is reached. */
export interface KuboStoreOptions {
  /** `http://127.0.0.1:5001`; user and password in it are sent as `Authorization: Basic` (Kubo's API.Authorizations) */
  readonly url: string;
  /** how long one call may take, a search among other nodes included */
  readonly timeoutMs: number;
}

/**
 * A store on a Kubo node, by its RPC. A batch is one CAR whose root is pinned with all that it links to; a block is looked
 * for at the node's peers where it hasn't it itself. Nothing is sent before the first call.
 */
export function openKuboStore({ url, timeoutMs }: KuboStoreOptions): DocumentStore {
  const rpc = new KuboRpc(url, timeoutMs);
  return {
    kind: 'kubo',
    put: async (batch) => {
      assertBatch(batch);
      const lines = await rpc.call('dag/import', { 'pin-roots': 'true' }, encodeCar(batch));
      if (!saysPinned(lines, batch.root)) {
        throw new DtaError('store_unavailable', 'Kubo did not say that it keeps the batch', {
          metadata: { block: batch.root },
        });
      }
    },
    get: async (cid) => {
      // Kubo ends its search a little before we would stop listening, so that it can say what it is
      const bytes = await rpc
        .call('block/get', { arg: cid, timeout: `${Math.ceil(timeoutMs * 0.9)}ms` })
        .catch((cause: unknown) => {
          throw saysNotFound(cause) ? blockNotFound(cid, cause) : cause;
        });
      assertBlock(cid, bytes);
      return bytes;
    },
  };
}

/** Among the lines of JSON of `dag/import`: the root's own, and without an error of its pin. */
function saysPinned(answer: Uint8Array, root: Cid): boolean {
  return new TextDecoder()
    .decode(answer)
    .split('\n')
    .some((line) => {
      const said = parse(line);
      return said?.Root?.Cid?.['/'] === root && said.Root.PinErrorMsg === '';
    });
}

interface ImportLine {
  readonly Root?: { readonly Cid?: Readonly<Record<string, unknown>>; readonly PinErrorMsg?: unknown };
}

function parse(line: string): ImportLine | null {
  try {
    return JSON.parse(line) as ImportLine | null; // every member is looked at before it is used
  } catch {
    return null;
  }
}

/** Kubo has one status for everything, and says in words that neither it nor, in the time there was, its peers have it. */
function saysNotFound(error: unknown): boolean {
  return error instanceof DtaError && /not found|could not find|deadline exceeded/.test(error.message);
}
