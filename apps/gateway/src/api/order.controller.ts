import { Controller } from '@nestjs/common';
import {
  AWAIT_BEYOND_WAIT_MS,
  HTTP_BEYOND_WAIT_MS,
  type Cid,
  type OrderProgress,
  type ParamsOf,
  type ResultOf,
} from '@dta/contracts';
import { isDtaError } from '@dta/errors';
import { Refusal } from '../problem.js';
import { waitLeftMs, withWait, type RequestContext } from '../request-context.js';
import { Overload } from '../overload.js';
import { RoleCalls } from '../role-calls.js';
import { OrderCursors, type OrderFilter } from './order-cursor.js';
import { commitmentOf, ended, extensionOf, failed, orderDetail, waitingFor, withoutAnswer } from './order-answers.js';
import { Context, Route, Validated, type Answer, type Input } from './route.js';

/** Where no waiting changes a thing. */
const dead: readonly string[] = ['failed', 'cancelled', 'expired'];
const reached: Readonly<Record<'committed' | 'released', readonly string[]>> = {
  committed: ['committed', 'releasing', 'released', 'renewing'],
  released: ['released'],
};

/** Orders and their secrets. */
@Controller()
export class OrderController {
  readonly #calls: RoleCalls;
  readonly #overload: Overload;
  readonly #cursors: OrderCursors;

  constructor(calls: RoleCalls, overload: Overload, cursors: OrderCursors) {
    this.#calls = calls;
    this.#overload = overload;
    this.#cursors = cursors;
  }

  @Route('placeOrder')
  async placeOrder(
    @Validated('placeOrder') { body }: Input<'placeOrder'>,
    @Context() requested: RequestContext,
  ): Promise<Answer<'placeOrder'>> {
    const context = withWait(requested, body.wait);
    const asked = { waitMs: body.wait * 1000, hasKey: context.idempotencyKey !== null };
    this.#overload.sent(asked);
    const begun = this.#begin('principal.place-order', placeParams(body, context), context);
    begun.catch((error: unknown) => this.#overload.note(asked, error));
    const placed = await begun;
    const view = await this.#waitUntil('committed', placed, context);
    if (view.state === 'failed') throw failed(view);
    if (dead.includes(view.state)) throw ended(view);
    const { orderReference, createdAt } = view;
    if (view.pluginError !== null) throw withoutAnswer(view);
    if (!reached.committed.includes(view.state)) return pending(view, `/v1/order/${orderReference}`);
    return { status: 200, body: { orderReference, commitment: commitmentOf(view), createdAt, ...extensionOf(view) } };
  }

  @Route('redeemOrder')
  async redeemOrder(
    @Validated('redeemOrder') { body }: Input<'redeemOrder'>,
    @Context() requested: RequestContext,
  ): Promise<Answer<'redeemOrder'>> {
    const context = withWait(requested, body.wait);
    const { orderReference, beneficiaryIDDocumentCID: beneficiary = null, extension = {} } = body;
    const { idempotencyKey } = context;
    const params = { orderReference, beneficiary, extension, idempotencyKey, waitMs: waitLeftMs(context) };
    const redeemed = await this.#begin('principal.redeem-order', params, context);
    const view = await this.#waitUntil('released', redeemed, context);
    if (dead.includes(view.state)) throw ended(view);
    if (view.state !== 'released') return pending(view, `/v1/order/${orderReference}/secret`);
    if (!view.beneficiaryIsOwn || !this.#calls.has('beneficiary')) {
      return { status: 200, body: { orderReference, commitment: commitmentOf(view), state: 'released' } };
    }
    return this.#reveal(orderReference, extension, context);
  }

  @Route('listOrders')
  async listOrders(
    @Validated('listOrders') { query }: Input<'listOrders'>,
    @Context() context: RequestContext,
  ): Promise<Answer<'listOrders'>> {
    const { perPage } = query;
    const place = query.cursor === undefined ? undefined : this.#cursors.read(query.cursor);
    const filter = place === undefined ? filterOf(query) : continued(place, query);
    const { sortBy, state, beneficiary } = filter;
    const params = { after: place?.after ?? null, page: query.page ?? 0, perPage, sortBy, state, beneficiary };
    const { orders, unreadable, total, next } = await this.#calls.call('principal.list-orders', params, context);
    const cursor = next && this.#cursors.write({ sortBy, state, beneficiary, after: next });
    const orderReference = orders.map((order) => order.orderReference);
    const body = { orderReference, orders, total, next: cursor, ...(unreadable.length > 0 && { unreadable }) };
    return { status: 200, body };
  }

  @Route('getOrder')
  async getOrder(
    @Validated('getOrder') { params }: Input<'getOrder'>,
    @Context() context: RequestContext,
  ): Promise<Answer<'getOrder'>> {
    return { status: 200, body: orderDetail(await this.#calls.call('principal.get-order', params, context)) };
  }

  @Route('revealSecret')
  async revealSecret(
    @Validated('revealSecret') { params }: Input<'revealSecret'>,
    @Context() context: RequestContext,
  ): Promise<Answer<'revealSecret'>> {
    return this.#reveal(params.orderReference, null, context);
  }

  @Route('answerSecret')
  async answerSecret(
    @Validated('answerSecret') { params, body }: Input<'answerSecret'>,
    @Context() context: RequestContext,
  ): Promise<Answer<'answerSecret'>> {
    return this.#reveal(params.orderReference, body.extension, context);
  }

  /** The secret, with what the order's plugin makes of it; `extension` null: no plugin runs. */
  async #reveal(
    orderReference: Cid,
    extension: Record<string, unknown> | null,
    context: RequestContext,
  ): Promise<{ status: 200; body: Answer<'answerSecret'>['body'] }> {
    const revealed = await this.#calls.call('beneficiary.reveal-secret', { orderReference, extension }, context);
    const { secret, commitment } = revealed;
    return { status: 200, body: { secret, commitment, orderReference, ...extensionOf(revealed) } };
  }

  /** A call that begins something, for as long as the request has: what was stored has its reference then. */
  #begin<V extends 'principal.place-order' | 'principal.redeem-order'>(
    call: V,
    params: ParamsOf<V>,
    context: RequestContext,
  ): Promise<ResultOf<V>> {
    return this.#calls.call(call, params, context, context.deadline - performance.now());
  }

  /**
   * The order once it has reached `state`, can't any more, or the request's wait has ended. What was begun goes on without
   * us, so a principal that falls silent meanwhile is no error: the caller gets the reference to ask again with.
   */
  async #waitUntil(
    state: 'committed' | 'released',
    view: OrderProgress,
    context: RequestContext,
  ): Promise<OrderProgress> {
    const waitMs = Math.round(context.deadline - HTTP_BEYOND_WAIT_MS - performance.now());
    if (reached[state].includes(view.state) || dead.includes(view.state) || waitMs <= 0) return view;
    const params = { orderReference: view.orderReference, until: state, waitMs };
    try {
      return await this.#calls.call('principal.await-order', params, context, waitMs + AWAIT_BEYOND_WAIT_MS);
    } catch (error) {
      if (isDtaError(error, 'service_unavailable', 'clock_skewed', 'timeout', 'busy')) return view;
      throw error;
    }
  }
}

type ListQuery = Input<'listOrders'>['query'];

function filterOf({ sortBy, state, beneficiary }: ListQuery): OrderFilter {
  return { sortBy: sortBy ?? 'dateCreatedDsc', state: state ?? null, beneficiary: beneficiary ?? null };
}

/** The filter of a list that goes on. @throws Refusal `request_invalid` where the query says another, or a page */
function continued(filter: OrderFilter, query: ListQuery): OrderFilter {
  const others = (['sortBy', 'state', 'beneficiary'] as const).filter(
    (name) => query[name] !== undefined && query[name] !== filter[name],
  );
  const errors = [
    ...(query.page === undefined ? [] : [{ path: 'page', message: 'does not go with cursor' }]),
    ...others.map((path) => ({ path, message: 'is not that of the cursor' })),
  ];
  if (errors.length > 0) throw new Refusal('request_invalid', 'the cursor is of another list', { members: { errors } });
  return filter;
}

function placeParams(body: Input<'placeOrder'>['body'], context: RequestContext) {
  const { rules } = body;
  return {
    plugin: body.plugin ?? null,
    fiduciaries: body.fiduciaries ?? null,
    beneficiary: body.beneficiaryIDDocumentCID ?? null,
    threshold: body.threshold ?? null,
    single: body.single ?? null,
    minDealers: body.minDealers ?? null,
    setupBy: body.setupBy ?? null,
    keepUntil: body.keepUntil ?? null,
    rules:
      rules === undefined
        ? null
        : {
            notBefore: rules.notBefore ?? null,
            maxReleases: rules.maxReleases ?? null,
            waitSeconds: rules.waitSeconds ?? null,
          },
    extension: body.extension ?? {},
    idempotencyKey: context.idempotencyKey,
    waitMs: waitLeftMs(context),
  };
}

function pending(view: OrderProgress, location: string) {
  const { orderReference, state } = view;
  const body = { orderReference, state, waitingFor: waitingFor(view) };
  return { status: 202 as const, body, headers: { Location: location } };
}
