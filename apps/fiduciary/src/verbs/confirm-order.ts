import { Inbox, known, type PeerStep } from '@dta/node';
import { confirmOrder, type FiduciaryOrder } from '@dta/order';
import type { TransportMessage } from '@dta/transport';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';

/** The Manifest: this node adds up its share and says that it is stored. */
@Controller()
export class ConfirmOrder {
  constructor(private readonly inbox: Inbox<FiduciaryOrder>) {}

  @MessagePattern('peer.confirm')
  handle(@Payload() { payload }: TransportMessage): Promise<Uint8Array> {
    return this.inbox.answer('confirm', payload, step);
  }
}

const step: PeerStep<FiduciaryOrder> = (order, { evidence, attachments }, { context, open }) =>
  confirmOrder(known(order), evidence, attachments, open, context);
