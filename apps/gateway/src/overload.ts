import { WAIT_DEFAULT_SECONDS } from '@dta/contracts';
import { isDtaError, type DtaError } from '@dta/errors';
import type { Check } from './front-door/middleware.js';

/** A refusal is remembered for at most so long. */
const REMEMBERED_MS = 10_000;
/** After so long without another, twice as many are let on as the principal said. */
const DOUBLED_AFTER_MS = 1_000;
/** The weight of the principal's newest word: of several principals each says its own. */
const NEWEST = 1 / 4;

/** What the principal said of late, under its seal. */
interface Refused {
  readonly error: DtaError;
  readonly patienceMs: number;
  /** how many orders it begins in a ms */
  readonly rate: number;
  /** by the clock */
  readonly at: number;
  /** how many were sent on since */
  sent: number;
}

/** A request for a new order, as far as overload is about it. */
export interface NewOrder {
  readonly waitMs: number;
  /** whether it has an `Idempotency-Key`: then it goes to the principal whatever that said */
  readonly hasKey: boolean;
}

/**
 * Remembers that the principal can't begin a new order in time. To refuse one costs the principal a part of what it costs to
 * begin one; from several times its capacity on, refusing would be most of its work. So the gateway sends on as many as the
 * principal has room for by its own word, and a few more as time goes by: it says when that was too many.
 */
export class Overload {
  readonly #clock: () => number;
  #refused: Refused | null = null;

  /** @param clock ms that only go on */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** Takes note of what the principal said, under its seal, to a request for a new order. */
  note({ waitMs, hasKey }: NewOrder, error: unknown): void {
    if (!isDtaError(error, 'busy') || error.cause !== undefined) return; // outside the seal it is anyone's word
    const { everyMs } = error.metadata;
    if (typeof everyMs !== 'number' || everyMs <= 0) return; // busy with something else, as a plugin is
    const before = this.#remembered();
    if (before !== null && hasKey) return; // it was sent whatever was said before: no sign that too many were
    const said = 1 / everyMs;
    const rate = before === null ? said : before.rate + (said - before.rate) * NEWEST;
    const patienceMs = Math.max(patienceOf(waitMs), before?.patienceMs ?? 0);
    this.#refused = { error, patienceMs, rate, at: this.#clock(), sent: 0 };
  }

  /** Takes note that a request for a new order goes to the principal. */
  sent({ hasKey }: NewOrder): void {
    const refused = this.#remembered();
    if (refused !== null && !hasKey) refused.sent += 1;
  }

  /**
   * Refuses a new order that waits no longer than the one that was refused, by the principal's own error, before a route is
   * looked for and its body is checked. One with an `Idempotency-Key` is the principal's to answer: it may be stored already.
   */
  readonly check: Check = (request) => {
    if (request.method !== 'POST' || request.path !== '/v1/order') return;
    const refused = this.#remembered();
    if (refused === null || request.get('Idempotency-Key') !== undefined) return;
    const wait: unknown = (request.body as { wait?: unknown } | undefined)?.wait ?? WAIT_DEFAULT_SECONDS; // any JSON
    if (typeof wait !== 'number' || patienceOf(wait * 1000) > refused.patienceMs) return;
    const sinceMs = this.#clock() - refused.at;
    const room = (sinceMs + sinceMs ** 2 / (2 * DOUBLED_AFTER_MS)) * refused.rate;
    if (refused.sent + 1 > room) throw refused.error;
  };

  #remembered(): Refused | null {
    const refused = this.#refused;
    return refused !== null && this.#clock() - refused.at < REMEMBERED_MS ? refused : null;
  }
}

/** A caller that doesn't wait for the end comes back for it, whenever that is. */
function patienceOf(waitMs: number): number {
  return waitMs === 0 ? Infinity : waitMs;
}
