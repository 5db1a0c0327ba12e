import { DtaError } from '@dta/errors';
import type { KuboRPCClient } from 'kubo-rpc-client';

/**
 * Calls of Kubo's RPC by its own client, which is loaded with the first of them: a role on files has no use for it.
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
   * @throws `store_unavailable` where Kubo is away, too slow, answers what the client can't read, or says that it failed:
   * then with its words
   */
  async call<T>(command: string, run: (client: KuboRPCClient, signal: AbortSignal) => Promise<T>): Promise<T> {
    const { create } = await import('kubo-rpc-client');
    this.#client ??= create(this.#options);
    const signal = AbortSignal.timeout(this.#timeoutMs);
    try {
      return await run(this.#client, signal);
    } catch (cause) {
      const said = wordsOf(cause);
      const reason = signal.aborted
        ? `did not answer within ${this.#timeoutMs} ms`
        : said === null
          ? 'does not answer'
          : `refuses ${command}: ${said}`;
      throw new DtaError('store_unavailable', `Kubo at ${this.#host} ${reason}`, { cause });
    }
  }
}

const MAX_WORDS = 200;

/** What Kubo says of a failure, as its client gives it; null where it didn't come to say anything. */
function wordsOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  // by what they are: the client exports neither class
  const { name, message, response } = error as Error & { response?: { readonly status?: unknown } };
  if (name !== 'HTTPError' && name !== 'TimeoutError') return null;
  const said = message.trim();
  return said === '' ? `status ${String(response?.status)}` : said.slice(0, MAX_WORDS);
}
