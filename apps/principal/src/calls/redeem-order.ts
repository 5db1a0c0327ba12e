import type { Cid } from '@dta/codec';
import type { ParamsOf } from '@dta/contracts';
import { DtaError, isDtaError } from '@dta/errors';
import { InternalInbox, NODE, type Node } from '@dta/node';
import { certifiedKey, isHalfSpent, startRedemption } from '@dta/order';
import type { MessageContext, TransportMessage } from '@dta/transport';
import { Controller, Inject } from '@nestjs/common';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import { Idempotency, type IdempotencyRow } from '../idempotency.js';
import { readOrder, writeStep } from '../open-order.js';
import { OrderDriver } from '../order-driver.js';
import { OrderView } from '../order-view.js';
import { OrderWait } from '../order-wait.js';
import { OrderRepository } from '../order.repository.js';
import { factsOf } from '../plugin-answers.js';
import { assertPresent } from '../presence.js';
import { assertInTime } from '../prompt-wait.js';
import { RepeatedAnswer } from '../repeated-answer.js';

type Asked = Omit<ParamsOf<'principal.redeem-order'>, 'idempotencyKey' | 'waitMs'>;

/** How often a redemption that met another write is tried anew. */
const ATTEMPTS = 5;

/** Starts the redemption of a committed order and waits a little for its end; of one that is redeemed already it changes nothing. */
@Controller()
export class RedeemOrder {
  constructor(
    @Inject(NODE) private readonly node: Node,
    private readonly orders: OrderRepository,
    private readonly driver: OrderDriver,
    private readonly view: OrderView,
    private readonly wait: OrderWait,
    private readonly idempotency: Idempotency,
    private readonly answers: RepeatedAnswer,
    private readonly inbox: InternalInbox,
  ) {}

  @MessagePattern('internal.redeem-order')
  handle(@Payload() { payload }: TransportMessage, @Ctx() context: MessageContext): Promise<Uint8Array> {
    return this.inbox.answer('principal.redeem-order', context.subject, payload, async (params) => {
      const { idempotencyKey, waitMs, ...asked } = params;
      const { orderReference: ref } = asked;
      const row = this.idempotency.row('redeem-order', idempotencyKey, asked);
      await this.#assertTurn(ref, waitMs);
      await this.answers.again(ref);
      const state = await this.#redeem(asked, row, context, waitMs);
      await this.wait.beside(context, ref, 'released', waitMs, state);
      return this.view.progress(ref);
    });
  }

  /** How far the order is, where that was just written. */
  async #redeem(
    { orderReference: ref, beneficiary, extension }: Asked,
    row: IdempotencyRow | null,
    context: MessageContext,
    waitMs: number,
  ): Promise<string | undefined> {
    for (let attempt = 1; ; attempt++) {
      const before = row && (await this.idempotency.find(row));
      const open = await readOrder(this.node, this.orders, ref);
      const { order } = open;
      this.#assertBeneficiary(order.beneficiary, beneficiary);
      if (order.state === 'releasing' || order.state === 'released') return undefined;
      if (order.certificate !== null) {
        const commitment = certifiedKey(order.certificate, open.evidence);
        const asked = { ...factsOf({ ref, commitment }, open.evidence), redemption: extension };
        await this.node.plugins.validateRedemption(open.evidence.request.body.plugin, asked);
      }
      await this.node.clock.confirm();
      const step = await startRedemption(order, open.evidence, this.node.ring);
      if (attempt === 1 && isHalfSpent(open.evidence)) await context.wait(() => assertPresent(this.node, order));
      assertInTime(context, waitMs);
      try {
        const written = await writeStep(this.node, this.orders, open, step, open.evidence, {
          lease: this.driver.holder,
          idempotency: before === null ? row && this.idempotency.bound(row, ref) : null, // there from a Redemption that has expired
        });
        this.driver.drive(ref, written);
        return written.order.state;
      } catch (error) {
        if (!isDtaError(error, 'write_conflict') || attempt === ATTEMPTS) throw error;
      }
    }
  }

  /** What is released, or on its way, is answered however much there is to do. @throws `busy` */
  async #assertTurn(ref: Cid, waitMs: number): Promise<void> {
    try {
      this.driver.assertTurn('redemption', waitMs);
    } catch (error) {
      const state = await this.orders.state(ref);
      if (state !== 'releasing' && state !== 'released') throw error;
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
