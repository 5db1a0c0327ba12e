import type { Cid } from '@dta/codec';
import type { OrderProgress, ParamsOf } from '@dta/contracts';
import { wipe } from '@dta/crypto';
import { DtaError, isDtaError } from '@dta/errors';
import { parseStatement } from '@dta/identity';
import { assertAllAdmitted, InternalInbox, NODE, type Node } from '@dta/node';
import { Evidence, placeOrder, requestStatement, signRequest, type PrincipalOrder } from '@dta/order';
import type { MessageContext, TransportMessage } from '@dta/transport';
import { Controller, Inject } from '@nestjs/common';
import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import type { PrincipalOptions } from '../config.js';
import { Idempotency, type IdempotencyRow } from '../idempotency.js';
import { writeStep } from '../open-order.js';
import { OrderDriver } from '../order-driver.js';
import { OrderView } from '../order-view.js';
import { OrderWait } from '../order-wait.js';
import { OrderRepository } from '../order.repository.js';
import { HELD } from '../plugin-answers.js';
import { assertInTime } from '../prompt-wait.js';
import { RepeatedAnswer } from '../repeated-answer.js';
import { OPTIONS } from '../tokens.js';

type Asked = Omit<ParamsOf<'principal.place-order'>, 'idempotencyKey' | 'waitMs'>;

/** A new order with the Request's extension; or one that the same Idempotency-Key had placed before. */
type Placed =
  | { readonly ref: Cid; readonly order: PrincipalOrder; readonly extension: Record<string, unknown> }
  | { readonly ref: Cid; readonly order: null };

/** Signs and stores the Request of a new order, begins to drive it, and waits a little for its commitment. */
@Controller()
export class PlaceOrder {
  constructor(
    @Inject(NODE) private readonly node: Node,
    @Inject(OPTIONS) private readonly options: PrincipalOptions,
    private readonly orders: OrderRepository,
    private readonly driver: OrderDriver,
    private readonly view: OrderView,
    private readonly wait: OrderWait,
    private readonly idempotency: Idempotency,
    private readonly answers: RepeatedAnswer,
    private readonly inbox: InternalInbox,
  ) {}

  @MessagePattern('internal.place-order')
  handle(@Payload() { payload }: TransportMessage, @Ctx() context: MessageContext): Promise<Uint8Array> {
    const { inbox, idempotency } = this;
    return inbox.answer('principal.place-order', context.subject, payload, async (params) => {
      const { idempotencyKey, waitMs, ...asked } = params;
      const row = idempotency.row('place-order', idempotencyKey, asked);
      const before = row && (await idempotency.find(row));
      if (before !== null) return this.#placedBefore(before, waitMs, context);
      this.driver.assertTurn('order', waitMs);
      const placed = await this.#place(asked, row, () => assertInTime(context, waitMs));
      if (placed.order === null) return this.#placedBefore(placed.ref, waitMs, context);
      const { ref, state } = placed.order;
      try {
        await this.wait.beside(context, ref, 'committed', waitMs, state);
        return await this.view.progress(ref);
      } catch (err) {
        this.node.log.warn({ orderReference: ref, err }, 'an order was placed, and how far it is can not be read');
        return this.view.placed(placed.order, placed.extension);
      }
    });
  }

  async #placedBefore(ref: Cid, waitMs: number, context: MessageContext): Promise<OrderProgress> {
    await this.answers.again(ref);
    await this.wait.beside(context, ref, 'committed', waitMs);
    return this.view.progress(ref);
  }

  async #place(asked: Asked, row: IdempotencyRow | null, assertStorable: () => void): Promise<Placed> {
    const { admission, ring, now } = this.node;
    const fiduciaries = asked.fiduciaries ?? this.options.fiduciarySet;
    if (fiduciaries.length === 0)
      throw new DtaError('fiduciaries_missing', 'the order names no fiduciaries, and this node has no set of them');
    const beneficiary = asked.beneficiary ?? this.options.beneficiary;
    if (beneficiary === null)
      throw new DtaError('request_invalid', 'the order names no beneficiary, and this node has none');
    await assertAllAdmitted(admission, [beneficiary, ...fiduciaries]);
    const plugin = asked.plugin ?? this.node.plugins.descriptions[0]?.name ?? 'milagro';
    const { request: extension, held } = await this.node.plugins.placeOrder(plugin, asked.extension);
    try {
      await this.node.clock.confirm();
      const request = await signRequest(
        {
          plugin,
          fiduciaries,
          beneficiary,
          threshold: asked.threshold ?? undefined,
          single: asked.single ?? undefined,
          minDealers: asked.minDealers ?? undefined,
          setupBy: asked.setupBy ?? undefined,
          keepUntil: asked.keepUntil ?? undefined,
          rules: asked.rules ?? undefined,
          extension: { ...extension },
        },
        ring.author,
        admission.directory,
        now(),
      );
      const { verified } = this.node;
      // signed just above; read as others will, since what was said isn't always what was written
      verified.set(request.cid, parseStatement([requestStatement], request.bytes, request.cid));
      const verifier = { directory: admission.directory, stored: new Set<Cid>(), now: now(), verified };
      const evidence = Evidence.read(request.cid, [request.bytes], verifier);
      assertStorable();
      try {
        const open = await writeStep(this.node, this.orders, null, placeOrder(request), evidence, {
          lease: this.driver.holder,
          idempotency: row && this.idempotency.bound(row, request.cid),
          secrets: held === null ? [] : [{ name: { ...HELD, request: request.cid }, value: held }],
        });
        this.driver.drive(request.cid, open);
        return { ref: request.cid, order: open.order, extension: { ...extension } };
      } catch (error) {
        const winner = isDtaError(error, 'write_conflict') && row !== null ? await this.idempotency.find(row) : null;
        if (winner === null) throw error;
        return { ref: winner, order: null };
      }
    } finally {
      if (held !== null) wipe(held); // also where it was never sealed
    }
  }
}
