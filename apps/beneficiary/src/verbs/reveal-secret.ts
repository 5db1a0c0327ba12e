import { InternalInbox, NODE, OrderTable, type Node } from '@dta/node';
import { expireBeneficiaryOrder, type BeneficiaryOrder } from '@dta/order';
import { DtaError } from '@dta/errors';
import type { MessageContext, TransportMessage } from '@dta/transport';
import { Controller, Inject } from '@nestjs/common';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';

/** The secret of an order that was released to this node, for a caller that may read it. */
@Controller()
export class RevealSecret {
  constructor(
    @Inject(NODE) private readonly node: Node,
    private readonly orders: OrderTable<BeneficiaryOrder>,
    private readonly inbox: InternalInbox,
  ) {}

  @MessagePattern('internal.reveal-secret')
  handle(@Payload() { payload }: TransportMessage, @Ctx() { subject }: MessageContext): Promise<Uint8Array> {
    return this.inbox.answer('beneficiary.reveal-secret', subject, payload, async ({ orderReference }) => {
      const found = await this.orders.find(orderReference);
      if (found === undefined) {
        throw new DtaError('order_not_found', 'no order of that reference', { metadata: { orderReference } });
      }
      const { state, commitment } = expireBeneficiaryOrder(found.order, this.node.now()); // the sweep may be late
      if (state !== 'held' || commitment === null) {
        throw new DtaError('order_state_conflict', 'the secret of this order was not released', {
          metadata: { state },
        });
      }
      const open = this.node.secrets.opener(orderReference);
      const secret = await open({ what: 'secret', epoch: 0, transcript: null, index: null });
      return { secret, commitment, orderReference };
    });
  }
}
