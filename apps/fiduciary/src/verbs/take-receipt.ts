import { Inbox, known, type PeerStep } from '@dta/node';
import { takeReceipt, type FiduciaryOrder } from '@dta/order';
import type { TransportMessage } from '@dta/transport';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';

/** The beneficiary's Receipt. */
@Controller()
export class TakeReceipt {
  constructor(private readonly inbox: Inbox<FiduciaryOrder>) {}

  @MessagePattern('peer.receipt')
  handle(@Payload() { payload }: TransportMessage): Promise<Uint8Array> {
    return this.inbox.answer('receipt', payload, step);
  }
}

const step: PeerStep<FiduciaryOrder> = (order, { evidence }, { context }) =>
  takeReceipt(known(order), evidence, context);
