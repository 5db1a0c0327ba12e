import { EVENT_STREAMS_MAX, EVENT_STREAMS_PER_CLIENT_MAX } from '@dta/contracts';
import { DtaError } from '@dta/errors';
import type { Response } from 'express';
import { once } from 'node:events';
import { Refusal } from '../problem.js';

/** When a client that lost its stream comes back, in milliseconds. */
const COME_BACK_MS = 2_000;
/** What a client that finds all places taken is told to wait. */
const RETRY_AFTER_MS = 5_000;

/** The streams of events that this gateway has open: at most 500, of one client at most 100, and none once it stops. */
export class EventStreams {
  /** each with its client */
  readonly #open = new Map<AbortController, string>();
  readonly #observe: (open: number) => void;
  #isStopping = false;

  constructor(observe: (open: number) => void) {
    this.#observe = observe;
  }

  /**
   * Takes one of the places for as long as the client stays.
   *
   * @throws `rate_limited` where the client has its share, `busy` where all are taken, `service_unavailable` where the gateway
   * stops
   */
  enter(client: string, response: Response): EventStream {
    if (this.#isStopping) throw new DtaError('service_unavailable', 'the gateway is stopping');
    const own = [...this.#open.values()].filter((one) => one === client);
    if (own.length >= EVENT_STREAMS_PER_CLIENT_MAX) {
      throw new Refusal('rate_limited', `this client has ${EVENT_STREAMS_PER_CLIENT_MAX} streams of events open`, {
        headers: { 'Retry-After': String(RETRY_AFTER_MS / 1000) },
      });
    }
    if (this.#open.size >= EVENT_STREAMS_MAX) {
      const metadata = { retryAfterMs: RETRY_AFTER_MS };
      throw new DtaError('busy', `${EVENT_STREAMS_MAX} streams of events are open`, { metadata });
    }
    const ending = new AbortController();
    this.#open.set(ending, client);
    this.#observe(this.#open.size);
    response.once('close', () => {
      ending.abort();
      this.#open.delete(ending);
      this.#observe(this.#open.size);
    });
    return new EventStream(response, ending.signal);
  }

  /** Ends all: their clients come back, to another replica. */
  stop(): void {
    this.#isStopping = true;
    for (const ending of this.#open.keys()) ending.abort();
  }
}

/** One stream, in the form of server-sent events (WHATWG HTML, section 9.2). */
export class EventStream {
  /** The client has gone, or the gateway stops. */
  readonly ended: AbortSignal;
  readonly #response: Response;

  constructor(response: Response, ended: AbortSignal) {
    this.#response = response;
    this.ended = ended;
  }

  /** Sends the head: from here on nothing is answered by a problem document. */
  begin(): void {
    this.#response.status(200).set({
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store, no-transform',
      'X-Accel-Buffering': 'no', // nginx would gather it otherwise
    });
    this.#response.flushHeaders();
    this.#response.write(`retry: ${COME_BACK_MS}\n\n`);
  }

  /** Sends one event; settles when a client that reads slowly has room for more. */
  event(id: number, said: object): Promise<void> {
    return this.#send(`id: ${id}\ndata: ${JSON.stringify(said)}\n\n`);
  }

  /** Says that the stream is alive, so that nobody between closes it. */
  comment(text: string): Promise<void> {
    return this.#send(`: ${text}\n\n`);
  }

  async #send(text: string): Promise<void> {
    if (this.ended.aborted || this.#response.write(text)) return;
    await once(this.#response, 'drain', { signal: this.ended }).catch(() => undefined); // it has ended
  }
}
