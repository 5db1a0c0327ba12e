import { Controller, Res } from '@nestjs/common';
import { AWAIT_BEYOND_WAIT_MS, EVENT_HEARTBEAT_MS, type Cid, type ResultOf } from '@dta/contracts';
import { isDtaError } from '@dta/errors';
import type { Response } from 'express';
import { setTimeout as delay } from 'node:timers/promises';
import { clientOf } from '../front-door/client-address.js';
import type { RequestContext } from '../request-context.js';
import { RoleCalls } from '../role-calls.js';
import { EventStreams, type EventStream } from './event-streams.js';
import { Context, Route, Validated, type Input } from './route.js';

/** How long a principal that is away is left alone before it is asked again. */
const ASK_AGAIN_MS = 1_000;

/** An order's events as they come. */
@Controller()
export class EventsController {
  readonly #calls: RoleCalls;
  readonly #streams: EventStreams;

  constructor(calls: RoleCalls, streams: EventStreams) {
    this.#calls = calls;
    this.#streams = streams;
  }

  /** The first look is answered as any other request is; only then the stream begins. */
  @Route('followOrder')
  async followOrder(
    @Validated('followOrder') { params, headers }: Input<'followOrder'>,
    @Context() context: RequestContext,
    @Res() response: Response,
  ): Promise<void> {
    const after = headers['Last-Event-ID'] ?? 0;
    const stream = this.#streams.enter(clientOf(response.req), response);
    const first = await this.#await(params.orderReference, after, 0, context);
    if (first.ended && first.events.length === 0) return void response.status(204).end();
    stream.begin();
    if (response.req.method !== 'HEAD') await this.#follow(stream, params.orderReference, first, after, context);
    response.end();
  }

  /** Sends what there is and what comes, until the order is at its end or the client has gone. */
  async #follow(
    stream: EventStream,
    orderReference: Cid,
    first: ResultOf<'principal.await-events'>,
    seen: number,
    context: RequestContext,
  ): Promise<void> {
    let after = seen;
    for (let found = first; ;) {
      for (const { id, at, event } of found.events) {
        await stream.event(id, { at: new Date(at).toISOString(), event });
        after = id;
      }
      if (found.ended || stream.ended.aborted) return;
      if (found.events.length === 0) await stream.comment('still there');
      try {
        const waited = this.#await(orderReference, after, EVENT_HEARTBEAT_MS, context);
        found = (await untilAborted(waited, stream.ended)) ?? { events: [], ended: true };
      } catch (error) {
        // what passes is waited for: a browser gives a stream up for good when it comes back to an error
        if (!isDtaError(error, 'service_unavailable', 'clock_skewed', 'timeout', 'busy')) throw error;
        found = { events: [], ended: false };
        await delay(ASK_AGAIN_MS, undefined, { signal: stream.ended }).catch(() => undefined);
      }
    }
  }

  /** A stream has no deadline of its own; each of its calls has. */
  #await(
    orderReference: Cid,
    after: number,
    waitMs: number,
    context: RequestContext,
  ): Promise<ResultOf<'principal.await-events'>> {
    const limitMs = waitMs + AWAIT_BEYOND_WAIT_MS;
    const extended = { ...context, deadline: performance.now() + limitMs };
    return this.#calls.call('principal.await-events', { orderReference, after, waitMs }, extended, limitMs);
  }
}

/** What `promise` gives; undefined where the signal comes first, and then nobody hears what becomes of it. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  let leave: () => void = () => undefined;
  const left = new Promise<undefined>((resolve) => (leave = () => resolve(undefined)));
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave);
  try {
    promise.catch(() => undefined);
    return await Promise.race([promise, left]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
