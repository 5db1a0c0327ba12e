import { Inbox, known, type PeerStep } from '@dta/node';
import { releaseShare, type FiduciaryOrder } from '@dta/order';
import type { TransportMessage } from '@dta/transport';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';

/** A Redemption: this node's share goes to the beneficiary. */
@Controller()
export class ReleaseShare {
  constructor(private readonly inbox: Inbox<FiduciaryOrder>) {}

  @MessagePattern('peer.release')
  handle(@Payload() { payload }: TransportMessage): Promise<Uint8Array> {
    return this.inbox.answer('release', payload, step);
  }
}

const step: PeerStep<FiduciaryOrder> = (order, { evidence }, { context, open }) =>
  releaseShare(known(order), evidence, open, context);
