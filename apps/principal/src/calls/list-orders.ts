import { InternalInbox } from '@dta/node';
import type { MessageContext, TransportMessage } from '@dta/transport';
import { Controller } from '@nestjs/common';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import { OrderRepository } from '../order.repository.js';

/** A page of orders. */
@Controller()
export class ListOrders {
  constructor(
    private readonly orders: OrderRepository,
    private readonly inbox: InternalInbox,
  ) {}

  @MessagePattern('internal.list-orders')
  handle(@Payload() { payload }: TransportMessage, @Ctx() { subject }: MessageContext): Promise<Uint8Array> {
    return this.inbox.answer('principal.list-orders', subject, payload, ({ sortBy, ...query }) =>
      this.orders.list({ ...query, newestFirst: sortBy === 'dateCreatedDsc' }),
    );
  }
}
