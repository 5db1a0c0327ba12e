import { Inbox, known, type PeerStep } from '@dta/node';
import { commitEnrolment, type BeneficiaryOrder } from '@dta/order';
import type { TransportMessage } from '@dta/transport';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';

/** The Commitment: the order's public key is known. */
@Controller()
export class CommitEnrolment {
  constructor(private readonly inbox: Inbox<BeneficiaryOrder>) {}

  @MessagePattern('peer.commit')
  handle(@Payload() { payload }: TransportMessage): Promise<Uint8Array> {
    return this.inbox.answer('commit', payload, step);
  }
}

const step: PeerStep<BeneficiaryOrder> = (order, { evidence }, { context }) =>
  commitEnrolment(known(order), evidence, context);
