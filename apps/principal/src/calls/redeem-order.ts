import type { Cid } from '@dta/codec';
import type { ParamsOf } from '@dta/contracts';
import { DtaError, isDtaError } from '@dta/errors';
import { InternalInbox, NODE, type Node } from '@dta/node';
import { startRedemption } from '@dta/order';
import type { MessageContext, TransportMessage } from '@dta/transport';
import { Controller, Inject } from '@nestjs/common';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import { Idempotency, type IdempotencyRow } from '../idempotency.js';
import { readOrder, writeStep } from '../open-order.js';
import { OrderDriver } from '../order-driver.js';
import { OrderView } from '../order-view.js';
import { OrderRepository } from '../order.repository.js';
import { factsOf } from '../plugin-answers.js';
import { RepeatedAnswer } from '../repeated-answer.js';

type Asked = Omit<ParamsOf<'principal.redeem-order'>, 'idempotencyKey'>;

/** How often a redemption that met another write is tried anew. */
const ATTEMPTS = 5;

/** Starts the redemption of a committed order; of one that is redeemed already it changes nothing. */
@Controller()
export class RedeemOrder {
  constructor(
    @Inject(NODE) private readonly node: Node,
    private readonly orders: OrderRepository,
    private readonly driver: OrderDriver,
    private readonly view: OrderView,
    private readonly idempotency: Idempotency,
    private readonly answers: RepeatedAnswer,
    private readonly inbox: InternalInbox,
  ) {}

  @MessagePattern('internal.redeem-order')
  handle(@Payload() { payload }: TransportMessage, @Ctx() { subject }: MessageContext): Promise<Uint8Array> {
    return this.inbox.answer('principal.redeem-order', subject, payload, async ({ idempotencyKey, ...asked }) => {
      const row = await this.idempotency.row('redeem-order', idempotencyKey, asked);
      await this.answers.again(asked.orderReference);
      await this.#redeem(asked, row);
      return this.view.of(asked.orderReference);
    });
  }

  async #redeem({ orderReference: ref, beneficiary, extension }: Asked, row: IdempotencyRow | null): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const before = row && (await this.idempotency.find(row));
      const open = await readOrder(this.node, this.orders, ref);
      const { order } = open;
      this.#assertBeneficiary(order.beneficiary, beneficiary);
      if (order.state === 'releasing' || order.state === 'released') return;
      this.driver.assertRoom();
      if (order.commitment !== null) {
        const asked = { ...factsOf(order, open.evidence), redemption: extension };
        await this.node.plugins.validateRedemption(open.evidence.request.body.plugin, asked);
      }
      const step = await startRedemption(order, open.evidence, this.node.ring);
      try {
        const written = await writeStep(this.node, this.orders, open, step, open.evidence, {
          answers: [],
          close: [],
          lease: this.driver.holder,
          idempotency: before === null ? row : null, // there from a Redemption that has expired
        });
        this.driver.drive(ref, written);
        return;
      } catch (error) {
        if (!isDtaError(error, 'write_conflict') || attempt === ATTEMPTS) throw error;
      }
    }
  }

  /** @throws `beneficiary_mismatch` */
  #assertBeneficiary(ordered: Cid, asked: Cid | null): void {
    const { directory } = this.node.admission;
    if (asked === null || asked === ordered) return;
    if (directory.find(asked) === undefined || !directory.sameChain(asked, ordered)) {
      throw new DtaError('beneficiary_mismatch', 'the order was made for another beneficiary');
    }
  }
}
