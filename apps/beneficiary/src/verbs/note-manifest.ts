import { Inbox, known, type PeerStep } from '@dta/node';
import { noteManifest, type BeneficiaryOrder } from '@dta/order';
import type { TransportMessage } from '@dta/transport';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';

/** The Manifest: whose deals make the key. */
@Controller()
export class NoteManifest {
  constructor(private readonly inbox: Inbox<BeneficiaryOrder>) {}

  @MessagePattern('peer.manifest')
  handle(@Payload() { payload }: TransportMessage): Promise<Uint8Array> {
    return this.inbox.answer('manifest', payload, step);
  }
}

const step: PeerStep<BeneficiaryOrder> = (order, { evidence }, { context }) =>
  noteManifest(known(order), evidence, context);
