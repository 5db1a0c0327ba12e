import { Inbox, type PeerStep } from '@dta/node';
import { acceptOrder, type FiduciaryOrder } from '@dta/order';
import type { TransportMessage } from '@dta/transport';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';

/** Request and Enrolment: this node promises to serve the order, or with n = 1 makes it at once. */
@Controller()
export class AcceptOrder {
  constructor(private readonly inbox: Inbox<FiduciaryOrder>) {}

  @MessagePattern('peer.accept')
  handle(@Payload() { payload }: TransportMessage): Promise<Uint8Array> {
    return this.inbox.answer('accept', payload, step);
  }
}

const step: PeerStep<FiduciaryOrder> = async (order, { evidence }, { draw }) =>
  acceptOrder(order, evidence, await draw());
