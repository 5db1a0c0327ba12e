import { Inbox, type PeerStep } from '@dta/node';
import { enrolOrder, type BeneficiaryOrder } from '@dta/order';
import type { TransportMessage } from '@dta/transport';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';

/** A Request: this node makes the keys of this order. */
@Controller()
export class EnrolOrder {
  constructor(private readonly inbox: Inbox<BeneficiaryOrder>) {}

  @MessagePattern('peer.enrol')
  handle(@Payload() { payload }: TransportMessage): Promise<Uint8Array> {
    return this.inbox.answer('enrol', payload, step);
  }
}

const step: PeerStep<BeneficiaryOrder> = async (order, { evidence }, { draw }) =>
  enrolOrder(order, evidence, await draw());
