import type { Client as RestClient } from 'openapi-fetch';
import type { paths } from './openapi.js';
import { ProblemError } from './problem-error.js';
import { readEvents } from './server-sent-events.js';

/** A step of an order. */
export interface OrderEvent {
  /** Rises with each event of an order; a later {@link FollowOptions.after}. */
  readonly id: number;
  /** RFC 3339 */
  readonly at: string;
  /** The state that the order reached. */
  readonly event: string;
}

/** How an order is followed. */
export interface FollowOptions {
  /** The id of the last event that the caller has; from the first by default. */
  readonly after?: number;
  readonly signal?: AbortSignal;
}

/** How long a stream that broke is left alone. */
const COME_BACK_MS = 2_000;

/**
 * Follows an order to its end: each event once. Until the first answer it fails as any request does; after that, what
 * passes (a lost connection, a gateway that is busy or away) is waited for.
 */
export async function* followOrder(
  rest: RestClient<paths>,
  orderReference: string,
  { after = 0, signal }: FollowOptions = {},
): AsyncGenerator<OrderEvent, void> {
  let last = after;
  for (let hasBegun = false; ;) {
    try {
      const { data, response } = await rest.GET('/v1/order/{orderReference}/events', {
        params: { path: { orderReference }, header: { 'Last-Event-ID': last } },
        parseAs: 'stream',
        ...(signal !== undefined && { signal }),
      });
      if (response.status === 204 || !isStream(data)) return;
      hasBegun = true;
      for await (const { id, data: said } of readEvents(data)) {
        last = Number(id);
        yield { ...(JSON.parse(said) as Omit<OrderEvent, 'id'>), id: last }; // as docs/api.md has it
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (!hasBegun || !passes(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, COME_BACK_MS));
    }
  }
}

/** Whether the next attempt may end otherwise: the network failed, which `fetch` tells by a TypeError, or the gateway did. */
function passes(error: unknown): boolean {
  if (error instanceof ProblemError) return error.status >= 500 || error.code === 'rate_limited';
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'TypeError';
}

function isStream(data: unknown): data is ReadableStream<Uint8Array> {
  return data instanceof ReadableStream;
}
