import { AsyncLocalStorage } from 'node:async_hooks';

/** Makes of an answer what the caller gets in its place, or throws. */
export type AnswerReader = (answer: Response) => Promise<Response>;

const reader = new AsyncLocalStorage<AnswerReader>();
let isInstalled = false;

/**
 * Runs `task`; each request that it makes by the platform's `fetch` follows no redirect, and its answer goes through `read`
 * first. Needed for a library that calls the global `fetch` and takes no other: what this process asks for elsewhere goes
 * past it.
 *
 * @see docs/adr/0020-kubo-by-its-client.md
 */
export function withAnswersRead<T>(read: AnswerReader, task: () => Promise<T>): Promise<T> {
  install();
  return reader.run(read, task);
}

function install(): void {
  if (isInstalled) return;
  isInstalled = true;
  const platform = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const read = reader.getStore();
    return read === undefined ? platform(input, init) : read(await platform(input, { ...init, redirect: 'manual' }));
  };
}

/**
 * All bytes of an answer, unpacked; null where there are more than `most`, and then the rest is not asked for. They are
 * copied as they come: an answer in pieces of one byte would else hold a hundred times its size.
 */
export async function readAtMost({ body }: Response, most: number): Promise<Uint8Array<ArrayBuffer> | null> {
  let [bytes, length] = [new Uint8Array(Math.min(most, 65_536)), 0];
  for await (const piece of body ?? []) {
    if (length + piece.length > most) return null; // which cancels the body
    if (length + piece.length > bytes.length) {
      const larger = new Uint8Array(Math.min(most, Math.max(2 * bytes.length, length + piece.length)));
      larger.set(bytes.subarray(0, length));
      bytes = larger;
    }
    bytes.set(piece, length);
    length += piece.length;
  }
  return bytes.subarray(0, length);
}
