import { InternalInbox } from '@dta/node';
import type { PrincipalOrder } from '@dta/order';
import type { MessageContext, TransportMessage } from '@dta/transport';
import { Controller } from '@nestjs/common';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import { orderNotFound, OrderView } from '../order-view.js';
import { OrderWatch } from '../order-watch.js';
import { OrderRepository } from '../order.repository.js';

type State = PrincipalOrder['state'];

const ended: readonly State[] = ['failed', 'cancelled', 'expired'];

/** States in which a wait is over. */
const reached: Readonly<Record<'committed' | 'released', ReadonlySet<string>>> = {
  committed: new Set(['committed', 'releasing', 'released', 'renewing', ...ended]),
  released: new Set(['released', ...ended]),
};

/** Answers when an order is as far as the caller waits for, or when the wait ends. */
@Controller()
export class AwaitOrder {
  constructor(
    private readonly orders: OrderRepository,
    private readonly view: OrderView,
    private readonly watch: OrderWatch,
    private readonly inbox: InternalInbox,
  ) {}

  @MessagePattern('internal.await-order', { waiter: true })
  handle(@Payload() { payload }: TransportMessage, @Ctx() { subject }: MessageContext): Promise<Uint8Array> {
    return this.inbox.answer('principal.await-order', subject, payload, async ({ orderReference, until, waitMs }) => {
      const deadline = Date.now() + waitMs;
      const over = (state: string) => reached[until].has(state) || Date.now() >= deadline || this.watch.stopped;
      for (;;) {
        const changed = this.watch.changed(orderReference, deadline - Date.now()); // listens before it looks
        const stored = await this.orders.state(orderReference);
        if (stored === undefined) throw orderNotFound(orderReference);
        if (over(stored)) return this.view.of(orderReference);
        for (let state = await changed; state !== undefined;) {
          if (over(state)) return this.view.of(orderReference);
          state = await this.watch.changed(orderReference, deadline - Date.now());
        }
      }
    });
  }
}
