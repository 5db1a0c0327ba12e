import type { Cid } from '@dta/codec';
import { PROMPT_WAIT_MAX_MS } from '@dta/contracts';
import { isDtaError } from '@dta/errors';
import type { PrincipalOrder } from '@dta/order';
import type { MessageContext } from '@dta/transport';
import { orderNotFound } from './order-view.js';
import type { OrderWatch } from './order-watch.js';
import type { OrderRepository } from './order.repository.js';

type State = PrincipalOrder['state'];
type Goal = 'committed' | 'released';

const ended: readonly State[] = ['failed', 'cancelled', 'expired'];

/** States in which a wait is over. */
const reached: Readonly<Record<Goal, ReadonlySet<string>>> = {
  committed: new Set(['committed', 'releasing', 'released', 'renewing', ...ended]),
  released: new Set(['released', ...ended]),
};

/** Waits for orders to get somewhere, whichever replica moves them. */
export class OrderWait {
  readonly #orders: OrderRepository;
  readonly #watch: OrderWatch;

  constructor(orders: OrderRepository, watch: OrderWatch) {
    this.#orders = orders;
    this.#watch = watch;
  }

  /**
   * Settles when the order is as far as `goal` or can't get there any more, after `ms`, or when this process ends.
   *
   * @param state how far it is, where the caller has just written it: nothing was awaited since
   * @throws `order_not_found`
   */
  async until(ref: Cid, goal: Goal, ms: number, state?: string): Promise<void> {
    const deadline = performance.now() + ms;
    const over = (now: string) => reached[goal].has(now) || performance.now() >= deadline || this.#watch.stopped;
    for (let known = state; ; known = undefined) {
      const changed = this.#watch.changed(ref, deadline - performance.now()); // listens before it looks
      known ??= await this.#orders.state(ref);
      if (known === undefined) throw orderNotFound(ref);
      if (over(known)) return;
      for (let moved = await changed; moved !== undefined;) {
        if (over(moved)) return;
        moved = await this.#watch.changed(ref, deadline - performance.now());
      }
    }
  }

  /**
   * The same within the call that began it, for as long as that waits of its caller's `waitMs`; not at all where too many
   * wait already.
   */
  async beside(context: MessageContext, ref: Cid, goal: Goal, waitMs: number, state?: string): Promise<void> {
    const ms = Math.min(waitMs - context.ageMs(), PROMPT_WAIT_MAX_MS);
    if (ms <= 0) return;
    try {
      await context.wait(() => this.until(ref, goal, ms, state));
    } catch (error) {
      if (!isDtaError(error, 'busy')) throw error;
    }
  }
}
