import { Inbox, known, type PeerStep } from '@dta/node';
import { affirmStatements, type FiduciaryOrder } from '@dta/order';
import type { TransportMessage } from '@dta/transport';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';

/** This node's own statements, made before its keys changed. */
@Controller()
export class AffirmStatements {
  constructor(private readonly inbox: Inbox<FiduciaryOrder>) {}

  @MessagePattern('peer.affirm')
  handle(@Payload() { payload }: TransportMessage): Promise<Uint8Array> {
    return this.inbox.answer('affirm', payload, step);
  }
}

const step: PeerStep<FiduciaryOrder> = (order, { evidence }, { context }) =>
  affirmStatements(known(order), evidence, context);
