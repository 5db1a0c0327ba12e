import type { Cid } from '@dta/codec';
import type { OrderProgress, OrderView as View } from '@dta/contracts';
import { DtaError } from '@dta/errors';
import { readLastError, type Node } from '@dta/node';
import { messageOf, verbsWhere, type PrincipalOrder } from '@dta/order';
import type { PrincipalOptions } from './config.js';
import type { DeliveryState, OrderRepository, OrderStanding } from './order.repository.js';

/** An order as its gateway shows it. */
export class OrderView {
  readonly #node: Node;
  readonly #orders: OrderRepository;
  readonly #options: PrincipalOptions;

  constructor(node: Node, orders: OrderRepository, options: PrincipalOptions) {
    this.#node = node;
    this.#orders = orders;
    this.#options = options;
  }

  /** @throws `order_not_found` */
  async of(ref: Cid): Promise<View> {
    const found = await this.#orders.view(ref);
    if (found === undefined) throw orderNotFound(ref);
    const { order, plugin, deliveries, envelopes, timeline } = found;
    return {
      ...this.#progress({ ...found, owed: deliveries.filter(({ state }) => state === 'owed') }),
      plugin,
      setupBy: order.setupBy,
      keepUntil: order.keepUntil,
      threshold: order.threshold,
      fiduciaries: order.fiduciaries.map((cid) => fiduciary(cid, order, deliveries)),
      envelopes,
      timeline,
    };
  }

  /** How far an order is. @throws `order_not_found` */
  async progress(ref: Cid): Promise<OrderProgress> {
    const found = await this.#orders.standing(ref);
    if (found === undefined) throw orderNotFound(ref);
    return this.#progress(found);
  }

  /** How far an order is that was just placed, by what was written. */
  placed(order: PrincipalOrder, extension: Record<string, unknown>): OrderProgress {
    const beneficiary = { party: order.beneficiary, role: 'beneficiary' as const, lastError: null };
    return this.#progress({ order, extension, pluginError: null, owed: [beneficiary] });
  }

  #progress({ order, extension, pluginError, owed }: OrderStanding): OrderProgress {
    return {
      orderReference: order.ref,
      state: order.state,
      commitment: order.commitment,
      createdAt: order.createdAt,
      beneficiary: order.beneficiary,
      beneficiaryIsOwn: this.#isOwn(order.beneficiary),
      waitingFor: owed.map(({ party, role, lastError }) => ({ party, role, ...readLastError(lastError) })),
      failure: order.failure && {
        reason: order.failure.reason,
        owing: order.failure.owing.map(({ party, lastError }) => ({ party, ...readLastError(lastError) })),
      },
      extension,
      pluginError,
    };
  }

  /** Whether this operator's own beneficiary is meant. */
  #isOwn(beneficiary: Cid): boolean {
    const { directory } = this.#node.admission;
    const own = this.#options.beneficiary;
    return own !== null && directory.find(own) !== undefined && directory.sameChain(beneficiary, own);
  }
}

function fiduciary(cid: Cid, order: PrincipalOrder, deliveries: readonly DeliveryState[]): View['fiduciaries'][number] {
  const own = deliveries.filter(({ party, role }) => party === cid && role === 'fiduciary');
  const newest = [...new Map(own.map((delivery) => [delivery.verb, delivery])).values()]; // one may take another's place
  const answered = new Set(own.filter(({ state }) => state === 'answered').map(({ verb }) => verb));
  const [furthest] = verbsWhere(({ reached }) => reached !== null)
    .filter((verb) => answered.has(verb))
    .slice(-1);
  const reached = furthest === undefined ? null : messageOf(furthest).reached;
  const alone = order.fiduciaries.length === 1 ? reached?.alone : undefined;
  return {
    idDocumentCID: cid,
    state: alone ?? reached?.state ?? 'asked',
    ...readLastError(newest.find(({ lastError }) => lastError !== null)?.lastError ?? null),
  };
}

/** The error of an order that isn't there. */
export function orderNotFound(orderReference: Cid): DtaError {
  return new DtaError('order_not_found', 'no order of that reference', { metadata: { orderReference } });
}
