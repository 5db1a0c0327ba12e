import { Inbox, known, type PeerStep } from '@dta/node';
import { affirmStatements, type BeneficiaryOrder } from '@dta/order';
import type { TransportMessage } from '@dta/transport';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';

/** This node's own statements, made before its keys changed. */
@Controller()
export class AffirmStatements {
  constructor(private readonly inbox: Inbox<BeneficiaryOrder>) {}

  @MessagePattern('peer.affirm')
  handle(@Payload() { payload }: TransportMessage): Promise<Uint8Array> {
    return this.inbox.answer('affirm', payload, step);
  }
}

const step: PeerStep<BeneficiaryOrder> = (order, { evidence }, { context }) =>
  affirmStatements(known(order), evidence, context);
