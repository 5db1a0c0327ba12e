import { InternalInbox } from '@dta/node';
import type { MessageContext, TransportMessage } from '@dta/transport';
import { Controller } from '@nestjs/common';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import { OrderView } from '../order-view.js';
import { OrderWait } from '../order-wait.js';

/** Answers when an order is as far as the caller waits for, or when the wait ends. */
@Controller()
export class AwaitOrder {
  constructor(
    private readonly view: OrderView,
    private readonly wait: OrderWait,
    private readonly inbox: InternalInbox,
  ) {}

  @MessagePattern('internal.await-order', { waiter: true })
  handle(@Payload() { payload }: TransportMessage, @Ctx() { subject }: MessageContext): Promise<Uint8Array> {
    return this.inbox.answer('principal.await-order', subject, payload, async ({ orderReference, until, waitMs }) => {
      await this.wait.until(orderReference, until, waitMs);
      return this.view.progress(orderReference);
    });
  }
}
