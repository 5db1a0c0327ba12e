import { createClient, type Client } from '@dta/client';

/** What a gateway answered. */
export interface RestAnswer {
  readonly status: number;
  /** The body as JSON; undefined where it isn't any. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  readonly headers: Headers;
  /** How long it took. */
  readonly ms: number;
}

/** A gateway's REST API, with its operator's bearer token. */
export interface RestApi {
  readonly url: string;
  /** Typed, as a program would use it; the methods below are for what no client sends, and for looking at statuses. */
  readonly client: Client;
  get(path: string): Promise<RestAnswer>;
  post(path: string, body: object, headers?: Readonly<Record<string, string>>): Promise<RestAnswer>;
}

/** Longer than the longest `wait`. */
const requestLimitMs = 90_000;

/** Speaks to the gateway at `url`; `token` null: without a token. */
export function restApi(url: string, token: string | null): RestApi {
  const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
  const call = async (path: string, init: RequestInit): Promise<RestAnswer> => {
    const begin = performance.now();
    const response = await fetch(new URL(path, url), { ...init, signal: AbortSignal.timeout(requestLimitMs) });
    const text = await response.text();
    return { status: response.status, body: asJson(text), headers: response.headers, ms: performance.now() - begin };
  };
  return {
    url,
    client: createClient({ url, ...(token !== null && { token }) }),
    get: (path) => call(path, { headers: { ...authorization } }),
    post: (path, body, headers = {}) =>
      call(path, {
        method: 'POST',
        headers: { ...authorization, 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
  };
}

function asJson(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
