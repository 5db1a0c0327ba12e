import { Inbox, known, type PeerStep } from '@dta/node';
import { commitOrder, type FiduciaryOrder } from '@dta/order';
import type { TransportMessage } from '@dta/transport';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';

/** The Commitment: setup is over, and what was only for it is erased. */
@Controller()
export class CommitOrder {
  constructor(private readonly inbox: Inbox<FiduciaryOrder>) {}

  @MessagePattern('peer.commit')
  handle(@Payload() { payload }: TransportMessage): Promise<Uint8Array> {
    return this.inbox.answer('commit', payload, step);
  }
}

const step: PeerStep<FiduciaryOrder> = (order, { evidence }, { context }) =>
  commitOrder(known(order), evidence, context);
