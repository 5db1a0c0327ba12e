import { Inbox, known, type PeerStep } from '@dta/node';
import { dealOrder, type FiduciaryOrder } from '@dta/order';
import type { TransportMessage } from '@dta/transport';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';

/** All Acceptances: this node deals its shares. */
@Controller()
export class DealOrder {
  constructor(private readonly inbox: Inbox<FiduciaryOrder>) {}

  @MessagePattern('peer.deal')
  handle(@Payload() { payload }: TransportMessage): Promise<Uint8Array> {
    return this.inbox.answer('deal', payload, step);
  }
}

const step: PeerStep<FiduciaryOrder> = async (order, { evidence, attachments }, { draw }) =>
  dealOrder(known(order), evidence, attachments, await draw());
