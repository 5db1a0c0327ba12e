import { affirmStatements } from '@dta/order';
import type { TransportMessage } from '@dta/transport';
import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { Inbox, known } from './inbox.js';

/** A fiduciary's or a beneficiary's own statements, made before its keys changed. */
@Controller()
export class AffirmStatements {
  constructor(private readonly inbox: Inbox<{ readonly state: string }>) {}

  @MessagePattern('peer.affirm')
  handle(@Payload() { payload }: TransportMessage): Promise<Uint8Array> {
    return this.inbox.answer('affirm', payload, (order, { evidence }, { context }) =>
      affirmStatements(known(order), evidence, context),
    );
  }
}
