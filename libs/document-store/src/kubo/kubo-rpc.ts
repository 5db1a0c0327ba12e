import { DtaError } from '@dta/errors';

/** Calls of Kubo's RPC over HTTP. @see https://docs.ipfs.tech/reference/kubo/rpc/ */
export class KuboRpc {
  readonly #base: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timeoutMs: number;

  constructor(url: string, timeoutMs: number) {
    const { username, password, ...address } = partsOf(url);
    this.#base = new URL('/api/v0/', address.origin);
    const login = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
    this.#headers = username === '' ? {} : { authorization: `Basic ${login}` };
    this.#timeoutMs = timeoutMs;
  }

  /**
   * One call: all of its answer's bytes.
   *
   * @throws `store_unavailable` where Kubo is away, too slow, or says that it failed: then with its words
   */
  async call(
    command: string,
    options: Readonly<Record<string, string>>,
    file?: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array> {
    const url = new URL(command, this.#base);
    url.search = new URLSearchParams(options).toString();
    const signal = AbortSignal.timeout(this.#timeoutMs);
    let status: number;
    let answer: Uint8Array;
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: this.#headers,
        signal,
        redirect: 'error',
        ...(file !== undefined && { body: formOf(file) }),
      });
      status = response.status;
      answer = new Uint8Array(await response.arrayBuffer());
    } catch (cause) {
      const reason = signal.aborted ? `did not answer within ${this.#timeoutMs} ms` : 'does not answer';
      throw new DtaError('store_unavailable', `Kubo at ${this.#base.host} ${reason}`, { cause });
    }
    if (status === 200) return answer;
    throw new DtaError(
      'store_unavailable',
      `Kubo at ${this.#base.host} refuses ${command}: ${wordsOf(status, answer)}`,
    );
  }
}

function partsOf(url: string): { username: string; password: string; origin: string } {
  const { username, password, origin } = new URL(url);
  return { username, password, origin };
}

function formOf(file: Uint8Array<ArrayBuffer>): FormData {
  const form = new FormData();
  form.set('file', new Blob([file]));
  return form;
}

const MAX_WORDS = 200;

/** What Kubo says of a failure, in `{ "Message": … }` or plain. */
function wordsOf(status: number, answer: Uint8Array): string {
  const text = new TextDecoder().decode(answer);
  const said = /"Message":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? text.trim();
  return said === '' ? `status ${status}` : said.slice(0, MAX_WORDS);
}
