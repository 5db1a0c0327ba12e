import { Inbox, known, type PeerStep } from '@dta/node';
import { redeemOrder, type BeneficiaryOrder } from '@dta/order';
import type { TransportMessage } from '@dta/transport';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';

/** A Redemption with Releases: the secret is made and stored. */
@Controller()
export class RedeemOrder {
  constructor(private readonly inbox: Inbox<BeneficiaryOrder>) {}

  @MessagePattern('peer.redeem')
  handle(@Payload() { payload }: TransportMessage): Promise<Uint8Array> {
    return this.inbox.answer('redeem', payload, step);
  }
}

const step: PeerStep<BeneficiaryOrder> = (order, { evidence, envelopes }, { context, open }) =>
  redeemOrder(known(order), evidence, envelopes, open, context);
