import { InternalInbox } from '@dta/node';
import type { MessageContext, TransportMessage } from '@dta/transport';
import { Controller } from '@nestjs/common';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import { OrderView } from '../order-view.js';

/** An order as it stands. */
@Controller()
export class GetOrder {
  constructor(
    private readonly view: OrderView,
    private readonly inbox: InternalInbox,
  ) {}

  @MessagePattern('internal.get-order')
  handle(@Payload() { payload }: TransportMessage, @Ctx() { subject }: MessageContext): Promise<Uint8Array> {
    return this.inbox.answer('principal.get-order', subject, payload, ({ orderReference }) =>
      this.view.of(orderReference),
    );
  }
}
