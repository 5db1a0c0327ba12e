import type { Cid } from '@dta/codec';
import { LEASE_MS, ORDERS_DRIVEN_MAX, ORDERS_HELD_MAX, ORDERS_QUEUED_MAX, WAIT_MAX_SECONDS } from '@dta/contracts';
import { DtaError } from '@dta/errors';
import type { OpenOrder } from './open-order.js';

/** For how long an order is taken to keep its place before any has given its own back. */
const FIRST_TURN_MS = 500;
/** The weight of the newest turn in their average. */
const SMOOTHING = 1 / 16;
/** Of a caller's wait, what may go by before its order begins: the rest is for the order itself. */
const SHARE_BEFORE_BEGIN = 0.25;
/** An order that waited for longer is read again: its lease runs out. */
const FRESH_MS = LEASE_MS / 2;
const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 5_000;

type Kind = 'resumed' | 'redemption' | 'order';

interface Waiting {
  /** the order as it was written, where it is held ready */
  readonly open: OpenOrder | null;
  /** by `performance.now()` */
  readonly since: number;
}

/** An order whose turn it is. */
export interface Next {
  readonly ref: Cid;
  readonly open: OpenOrder | null;
  readonly isResumed: boolean;
}

/**
 * Orders that wait for a place, each kind in the order in which they came: first what was left off and is resumed, as far
 * as it may take places from the others; then redemptions, whose orders are older; then new orders.
 */
export class DriveQueue {
  readonly #waiting: Readonly<Record<Kind, Map<Cid, Waiting>>> = {
    resumed: new Map(),
    redemption: new Map(),
    order: new Map(),
  };
  #turnMs = FIRST_TURN_MS;

  get size(): number {
    const { resumed, redemption, order } = this.#waiting;
    return resumed.size + redemption.size + order.size;
  }

  /** How many of them are resumed. */
  get resumed(): number {
    return this.#waiting.resumed.size;
  }

  /** Takes an order in; one without `open` is resumed, and keeps the turn that it may have already. */
  add(ref: Cid, open: OpenOrder | null): void {
    const { resumed, redemption, order } = this.#waiting;
    if (open === null) {
      if (!redemption.has(ref) && !order.has(ref)) resumed.set(ref, { open, since: performance.now() });
      return;
    }
    const waiting = { open: this.size < ORDERS_HELD_MAX ? open : null, since: performance.now() };
    resumed.delete(ref);
    this.#waiting[open.order.state === 'requested' ? 'order' : 'redemption'].set(ref, waiting);
  }

  /**
   * Takes out the order whose turn it is, of those that `may` begin; undefined where there is none.
   *
   * @param resumedFirst whether one that is resumed may take the place of the others
   */
  next(may: (ref: Cid) => boolean, resumedFirst: boolean): Next | undefined {
    const kinds: Kind[] = resumedFirst ? ['resumed', 'redemption', 'order'] : ['redemption', 'order', 'resumed'];
    for (const kind of kinds) {
      for (const [ref, { open, since }] of this.#waiting[kind]) {
        if (!may(ref)) continue;
        this.#waiting[kind].delete(ref);
        return { ref, open: performance.now() - since < FRESH_MS ? open : null, isResumed: kind === 'resumed' };
      }
    }
    return undefined;
  }

  /** Notes how long an order has just kept its place, in milliseconds. */
  ended(turnMs: number): void {
    this.#turnMs += (turnMs - this.#turnMs) * SMOOTHING;
  }

  /**
   * For a caller that wants to begin something and waits `waitMs` for its end; 0: it waits for none, and comes back.
   *
   * @throws `busy` where that would begin after a quarter of the wait, or too many wait already; with `retryAfterMs`, when
   * half of those will have begun, and `everyMs`, how often one begins
   */
  assertTurn(what: 'order' | 'redemption', waitMs: number): void {
    const before = what === 'order' ? this.size : this.size - this.#waiting.order.size;
    const everyMs = this.#turnMs / ORDERS_DRIVEN_MAX;
    const beginsInMs = before * everyMs;
    const mayWaitMs = SHARE_BEFORE_BEGIN * (waitMs > 0 ? waitMs : WAIT_MAX_SECONDS * 1000);
    const lateMs = beginsInMs - mayWaitMs;
    if (lateMs <= 0 && this.size < ORDERS_QUEUED_MAX) return;
    const retryAfterMs = Math.round(Math.min(Math.max(lateMs + mayWaitMs / 2, RETRY_MIN_MS), RETRY_MAX_MS));
    throw new DtaError('busy', `${before} orders wait for their turn`, {
      metadata: { retryAfterMs, everyMs: Math.ceil(everyMs) },
    });
  }
}
