import { bytesEqual, cidOf, cidToBytes, type Cid } from '@dta/codec';
import { groupNamed, wipe } from '@dta/crypto';
import { parseStatement } from '@dta/identity';
import { InternalInbox, NODE, OrderTable, type Node } from '@dta/node';
import { expireBeneficiaryOrder, requestStatement, type BeneficiaryOrder, type Request } from '@dta/order';
import type { Extension } from '@dta/plugin';
import { DtaError } from '@dta/errors';
import type { MessageContext, TransportMessage } from '@dta/transport';
import { Controller, Inject } from '@nestjs/common';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';

/** The secret of an order that was released to this node, for a caller that may read it. */
@Controller()
export class RevealSecret {
  constructor(
    @Inject(NODE) private readonly node: Node,
    private readonly orders: OrderTable<BeneficiaryOrder>,
    private readonly inbox: InternalInbox,
  ) {}

  @MessagePattern('internal.reveal-secret')
  handle(@Payload() { payload }: TransportMessage, @Ctx() { subject }: MessageContext): Promise<Uint8Array> {
    const revealed: Uint8Array[] = [];
    const answered = this.inbox.answer('beneficiary.reveal-secret', subject, payload, async (params) => {
      const { orderReference, extension } = params;
      const found = await this.orders.find(orderReference);
      if (found === undefined) {
        throw new DtaError('order_not_found', 'no order of that reference', { metadata: { orderReference } });
      }
      // the sweep may be late; but no clock that is in doubt takes a released secret from its owner
      const { clock, now } = this.node;
      const order = clock.doubt === null ? expireBeneficiaryOrder(found.order, now()) : found.order;
      const { state, group, commitment } = order;
      if (state !== 'held' || commitment === null) {
        throw new DtaError('order_state_conflict', 'the secret of this order was not released', {
          metadata: { state },
        });
      }
      const open = this.node.secrets.opener(orderReference);
      const secret = await open({ what: 'secret', epoch: 0, transcript: null, index: null });
      revealed.push(secret);
      if (!bytesEqual(groupNamed(group).publicPoint(secret), commitment)) {
        // sealed for this order, but at another time than the row was written
        throw this.node.rowMac.refusal('secret', orderReference);
      }
      const answer = extension === null ? {} : await this.#answer(orderReference, commitment, secret, extension);
      return { secret, commitment, orderReference, extension: { ...answer } };
    });
    return answered.finally(() => wipe(...revealed)); // once it is sealed for the gateway, or refused
  }

  /** What the order's plugin makes of its secret. */
  async #answer(
    orderReference: Cid,
    commitment: Uint8Array,
    secret: Uint8Array,
    redemption: Extension,
  ): Promise<Extension> {
    const { plugin, extension: request } = await this.#request(orderReference);
    const orderReferenceBytes = cidToBytes(orderReference);
    const facts = { orderReference, orderReferenceBytes, commitment, request, redemption, secret };
    return this.node.plugins.answerRedemption(plugin, facts);
  }

  /** What the principal signed, and this node has verified. */
  async #request(orderReference: Cid): Promise<Request['body']> {
    const statements = await this.orders.statements(orderReference);
    const bytes = statements.find((statement) => cidOf(statement) === orderReference);
    if (bytes === undefined) throw new DtaError('internal', 'an order without its Request');
    return parseStatement([requestStatement], bytes).body;
  }
}
