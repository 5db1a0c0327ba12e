import { EVENTS_PER_CALL_MAX, type ResultOf } from '@dta/contracts';
import { InternalInbox } from '@dta/node';
import type { MessageContext, TransportMessage } from '@dta/transport';
import { Controller } from '@nestjs/common';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import { orderNotFound } from '../order-view.js';
import { OrderWatch } from '../order-watch.js';
import { OrderRepository } from '../order.repository.js';

/** Nothing comes after these but that shares are erased. */
const atItsEnd: ReadonlySet<string> = new Set(['released', 'failed', 'cancelled', 'expired']);
/** How often a wait looks where LISTEN told it nothing: a stream waits for hours, and there are many. */
const LOOK_EVERY_MS = 5_000;

/** Answers with an order's events as soon as there are any that the caller hasn't seen, by whichever replica. */
@Controller()
export class AwaitEvents {
  constructor(
    private readonly orders: OrderRepository,
    private readonly watch: OrderWatch,
    private readonly inbox: InternalInbox,
  ) {}

  @MessagePattern('internal.await-events', { waiter: true })
  handle(@Payload() { payload }: TransportMessage, @Ctx() { subject }: MessageContext): Promise<Uint8Array> {
    return this.inbox.answer('principal.await-events', subject, payload, async ({ orderReference, after, waitMs }) => {
      const deadline = performance.now() + waitMs;
      for (;;) {
        const changed = this.watch.changed(orderReference, deadline - performance.now()); // listens before it looks
        const found = await this.#look(orderReference, after);
        if (found.events.length > 0 || found.ended) return found;
        const lookAgain = Math.min(deadline, performance.now() + LOOK_EVERY_MS);
        let told = await changed;
        while (told === undefined && performance.now() < lookAgain && !this.watch.stopped) {
          told = await this.watch.changed(orderReference, lookAgain - performance.now());
        }
        if (told === undefined && (performance.now() >= deadline || this.watch.stopped)) return found;
      }
    });
  }

  async #look(
    ref: Parameters<OrderRepository['events']>[0],
    after: number,
  ): Promise<ResultOf<'principal.await-events'>> {
    const found = await this.orders.events(ref, after);
    if (found === undefined) throw orderNotFound(ref);
    const { state, events } = found;
    return { events, ended: atItsEnd.has(state) && events.length < EVENTS_PER_CALL_MAX };
  }
}
