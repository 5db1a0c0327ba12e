import type { Cid } from '@dta/codec';
import { ORDERS_AT_HAND_MAX } from '@dta/contracts';
import { LRUCache } from 'lru-cache';
import type { Versioned } from './order-table.js';

/** What a node has of an order. */
export interface KnownOrder<O> {
  readonly order: Versioned<O> | null;
  /** statements of it that are stored */
  readonly stored: ReadonlySet<Cid>;
}

interface AtHand<O> {
  readonly order: Versioned<O>;
  readonly stored: Set<Cid>;
  readonly answered: Set<string>;
}

/**
 * Orders under way that this process has written from their first row on, so that their next step need not be read. It is a
 * guess: another replica or the sweeper may have written one since, which the version of the row shows as the step is
 * written. Who meets an error forgets the order and reads.
 */
export class OrdersAtHand<O> {
  readonly #orders = new LRUCache<Cid, AtHand<O>>({ max: ORDERS_AT_HAND_MAX });

  /** The order as a request that it hasn't answered yet would find it, or undefined. */
  before(ref: Cid, verb: string, request: Cid): KnownOrder<O> | undefined {
    const found = this.#orders.get(ref);
    return found === undefined || found.answered.has(`${verb} ${request}`) ? undefined : found;
  }

  /** Keeps what a step left, where nothing before it is missing. */
  stepped(
    before: Versioned<O> | null,
    { ref, order, keep }: { readonly ref: Cid; readonly order: O; readonly keep: readonly { readonly cid: Cid }[] },
    { verb, request }: { readonly verb: string; readonly request: Cid },
  ): void {
    const found = before === null ? { stored: new Set<Cid>(), answered: new Set<string>() } : this.#orders.get(ref);
    if (found === undefined || ('order' in found && found.order.version !== before?.version)) {
      this.forget(ref);
      return;
    }
    for (const { cid } of keep) found.stored.add(cid);
    found.answered.add(`${verb} ${request}`);
    this.#orders.set(ref, { ...found, order: { order, version: (before?.version ?? 0) + 1 } });
  }

  forget(ref: Cid): void {
    this.#orders.delete(ref);
  }
}
