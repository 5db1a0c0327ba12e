import { WAIT_DEFAULT_SECONDS, type InternalCall } from '@dta/contracts';
import { DtaError, isDtaError } from '@dta/errors';
import type { Check } from './front-door/middleware.js';

/** The calls that begin something, by the path of their POST. */
const callOf: Readonly<Record<string, InternalCall>> = {
  '/v1/order': 'principal.place-order',
  '/v1/order/secret': 'principal.redeem-order',
};

/** A role that is asked no more can't say that it has room again: it is soon asked anew. */
const QUIET_MAX_MS = 1_000;

/**
 * Remembers for a moment that a role can't begin a call in time. To refuse a call costs the role a part of what it costs to
 * begin one; from several times its capacity on, refusing would be most of its work.
 */
export class Overload {
  readonly #quiet = new Map<InternalCall, { patienceMs: number; until: number }>();

  /** Takes note of what a call that waits `waitMs` was refused for, under the role's seal. */
  note(call: InternalCall, waitMs: number, error: unknown): void {
    if (!isDtaError(error, 'busy') || error.cause !== undefined) return; // outside the seal it is anyone's word
    const { retryAfterMs } = error.metadata;
    const ms = typeof retryAfterMs === 'number' ? Math.min(retryAfterMs, QUIET_MAX_MS) : 0;
    this.#quiet.set(call, { patienceMs: patienceOf(waitMs), until: performance.now() + ms });
  }

  /**
   * Refuses a request before a route is looked for and its body is checked: under overload most of a gateway's work is what it
   * refuses. `wait` is the body's; one that is none is left to the route.
   */
  readonly check: Check = ({ method, path, body }) => {
    const call = method === 'POST' ? callOf[path] : undefined;
    if (call === undefined) return;
    const wait: unknown = (body as { wait?: unknown } | undefined)?.wait ?? WAIT_DEFAULT_SECONDS; // any JSON
    if (typeof wait === 'number') this.#assertNot(call, wait * 1000);
  };

  /** @throws `busy` where a call that waits as long was refused just now */
  #assertNot(call: InternalCall, waitMs: number): void {
    const quiet = this.#quiet.get(call);
    if (quiet === undefined || patienceOf(waitMs) > quiet.patienceMs) return;
    const retryAfterMs = quiet.until - performance.now();
    if (retryAfterMs <= 0) return;
    throw new DtaError('busy', 'the principal has more to do than it can in time', { metadata: { retryAfterMs } });
  }
}

/** A caller that doesn't wait for the end comes back for it, whenever that is. */
function patienceOf(waitMs: number): number {
  return waitMs === 0 ? Infinity : waitMs;
}
