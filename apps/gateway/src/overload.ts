import { WAIT_DEFAULT_SECONDS } from '@dta/contracts';
import { isDtaError, type DtaError } from '@dta/errors';
import type { Check } from './front-door/middleware.js';

/** A refusal is remembered for at most so long. */
const REMEMBERED_MS = 10_000;
/** After so long without another, twice as many are let on as the principal said. */
const DOUBLED_AFTER_MS = 1_000;
/** How often one is let on where the principal didn't say. */
const EVERY_MS = 1_000;

/** What the principal said last, under its seal. */
interface Refused {
  readonly error: DtaError;
  readonly patienceMs: number;
  readonly everyMs: number;
  /** by the clock */
  readonly at: number;
  /** how many were let on since */
  passed: number;
}

/**
 * Remembers that the principal can't begin a new order in time. To refuse one costs the principal a part of what it costs to
 * begin one; from several times its capacity on, refusing would be most of its work. So the gateway lets on as many as the
 * principal has room for by its own word, and a few more as time goes by: it says when that was too many.
 */
export class Overload {
  readonly #clock: () => number;
  #refused: Refused | null = null;

  /** @param clock ms that only go on */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** Takes note of what the principal said, under its seal, to a request for a new order that waits `waitMs`. */
  note(waitMs: number, error: unknown): void {
    if (!isDtaError(error, 'busy') || error.cause !== undefined) return; // outside the seal it is anyone's word
    const said = error.metadata['everyMs'];
    const everyMs = typeof said === 'number' && said > 0 ? said : EVERY_MS;
    this.#refused = { error, patienceMs: patienceOf(waitMs), everyMs, at: this.#clock(), passed: 0 };
  }

  /**
   * Refuses a new order that waits no longer than the one that was refused, by the principal's own error, before a route is
   * looked for and its body is checked. One with an `Idempotency-Key` is the principal's to answer: it may be stored already.
   */
  readonly check: Check = (request) => {
    if (request.method !== 'POST' || request.path !== '/v1/order') return;
    const refused = this.#refused;
    if (refused === null || request.get('Idempotency-Key') !== undefined) return;
    const sinceMs = this.#clock() - refused.at;
    if (sinceMs >= REMEMBERED_MS) return;
    const wait: unknown = (request.body as { wait?: unknown } | undefined)?.wait ?? WAIT_DEFAULT_SECONDS; // any JSON
    if (typeof wait !== 'number' || patienceOf(wait * 1000) > refused.patienceMs) return;
    const room = (sinceMs + sinceMs ** 2 / (2 * DOUBLED_AFTER_MS)) / refused.everyMs;
    if (refused.passed + 1 > room) throw refused.error;
    refused.passed += 1;
  };
}

/** A caller that doesn't wait for the end comes back for it, whenever that is. */
function patienceOf(waitMs: number): number {
  return waitMs === 0 ? Infinity : waitMs;
}
