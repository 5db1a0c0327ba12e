import { DtaError } from '@dta/errors';
import type { KuboRPCClient } from 'kubo-rpc-client';
import { readAtMost, withAnswersRead } from './answered-fetch.js';

/** A call of Kubo's RPC. */
export interface KuboCall<T> {
  /** `block/get`, for what is said of it */
  readonly command: string;
  /** of its answer, where it is no error */
  readonly maxBytes: number;
  readonly run: (client: KuboRPCClient, signal: AbortSignal) => Promise<T>;
}

/** Of an answer that says why Kubo refuses. */
const MAX_ERROR_BYTES = 64 * 1024;

/**
 * Calls of Kubo's RPC by its own client, which is loaded with the first of them: a role on files has no use for it. The
 * client is handed whole answers of a known size; no redirect is followed, and no error but Kubo's own is taken for one.
 *
 * @see https://docs.ipfs.tech/reference/kubo/rpc/
 */
export class KuboClient {
  readonly #options: { readonly url: string; readonly headers: Readonly<Record<string, string>> };
  readonly #host: string;
  readonly #timeoutMs: number;
  #client: KuboRPCClient | undefined;

  constructor(url: string, timeoutMs: number) {
    const { username, password, origin, host } = new URL(url);
    const login = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
    this.#options = { url: origin, headers: username === '' ? {} : { authorization: `Basic ${login}` } };
    this.#host = host;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * One call, until all of its answer is there.
   *
   * @throws `store_unavailable` where Kubo is away, too slow, redirects, answers too much or what no Kubo answers, or says
   * that it failed: then with its words, and as `said` in the metadata
   */
  async call<T>({ command, maxBytes, run }: KuboCall<T>): Promise<T> {
    const { create } = await import('kubo-rpc-client');
    const client = (this.#client ??= create(this.#options));
    const signal = AbortSignal.timeout(this.#timeoutMs);
    let hasAnswered = false;
    const read = async (answer: Response) => {
      const taken = await this.#take(answer, command, maxBytes);
      hasAnswered = true;
      return taken;
    };
    try {
      return await withAnswersRead(read, () => run(client, signal));
    } catch (cause) {
      if (signal.aborted) throw this.#unavailable(`did not answer within ${this.#timeoutMs} ms`, { cause });
      if (cause instanceof DtaError) throw cause;
      const reason = hasAnswered ? `answers ${command} as no Kubo does` : 'does not answer';
      throw this.#unavailable(reason, { cause });
    }
  }

  async #take(answer: Response, command: string, maxBytes: number): Promise<Response> {
    const { ok, status, headers, body } = answer;
    if (status >= 300 && status < 400) {
      await body?.cancel();
      throw this.#unavailable(`redirects ${command} to another address, which is not followed: status ${status}`);
    }
    const most = ok ? maxBytes : MAX_ERROR_BYTES;
    const bytes = await readAtMost(answer, most);
    if (bytes === null) throw this.#unavailable(`answers ${command} with more than ${most.toLocaleString('en')} bytes`);
    if (ok) return new Response(bytes, { headers });
    const said = status === 500 ? wordsOf(headers, bytes) : null;
    if (said === null) throw this.#unavailable(`refuses ${command} without an error of Kubo's own: status ${status}`);
    throw this.#unavailable(`refuses ${command}: ${said}`, { metadata: { said } });
  }

  #unavailable(reason: string, more: ConstructorParameters<typeof DtaError>[2] = {}): DtaError {
    return new DtaError('store_unavailable', `Kubo at ${this.#host} ${reason}`, more);
  }
}

const MAX_WORDS = 200;

/** What Kubo says of a failure; null where it isn't Kubo that speaks. */
function wordsOf(headers: Headers, bytes: Uint8Array): string | null {
  if (headers.get('content-type')?.startsWith('application/json') !== true) return null;
  const error = jsonOf(bytes);
  const isKubos =
    typeof error === 'object' && error !== null && 'Message' in error && 'Code' in error && 'Type' in error;
  if (!isKubos || error.Type !== 'error' || typeof error.Message !== 'string') return null;
  return error.Message.trim().slice(0, MAX_WORDS);
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return null;
  }
}
