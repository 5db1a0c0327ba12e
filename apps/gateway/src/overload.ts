import { WAIT_DEFAULT_SECONDS } from '@dta/contracts';
import { DtaError, isDtaError } from '@dta/errors';
import type { Check } from './front-door/middleware.js';

/** A principal that is asked no more can't say that it has room again: it is soon asked anew. */
const QUIET_MAX_MS = 1_000;

/**
 * Remembers for a moment that the principal can't begin a new order in time. To refuse one costs the principal a part of what
 * it costs to begin one; from several times its capacity on, refusing would be most of its work.
 */
export class Overload {
  readonly #clock: () => number;
  #patienceMs = 0;
  #until = -Infinity;

  /** @param clock ms that only go on */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** Takes note of what the principal said, under its seal, to a request for a new order that waits `waitMs`. */
  note(waitMs: number, error: unknown): void {
    if (!isDtaError(error, 'busy') || error.cause !== undefined) return; // outside the seal it is anyone's word
    const { retryAfterMs } = error.metadata;
    this.#patienceMs = patienceOf(waitMs);
    this.#until = this.#clock() + (typeof retryAfterMs === 'number' ? Math.min(retryAfterMs, QUIET_MAX_MS) : 0);
  }

  /**
   * Refuses a new order that waits no longer than the one that was refused, as `busy`, before a route is looked for and its
   * body is checked. One with an `Idempotency-Key` is the principal's to answer: it may be stored already.
   */
  readonly check: Check = (request) => {
    if (request.method !== 'POST' || request.path !== '/v1/order') return;
    const retryAfterMs = this.#until - this.#clock();
    if (retryAfterMs <= 0 || request.get('Idempotency-Key') !== undefined) return;
    const wait: unknown = (request.body as { wait?: unknown } | undefined)?.wait ?? WAIT_DEFAULT_SECONDS; // any JSON
    if (typeof wait !== 'number' || patienceOf(wait * 1000) > this.#patienceMs) return;
    throw new DtaError('busy', 'the principal has more to do than it can in time', { metadata: { retryAfterMs } });
  };
}

/** A caller that doesn't wait for the end comes back for it, whenever that is. */
function patienceOf(waitMs: number): number {
  return waitMs === 0 ? Infinity : waitMs;
}
