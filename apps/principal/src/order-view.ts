import type { Cid } from '@dta/codec';
import type { OrderView as View } from '@dta/contracts';
import { DtaError } from '@dta/errors';
import type { Node } from '@dta/node';
import type { PrincipalOrder } from '@dta/order';
import type { PrincipalOptions } from './config.js';
import type { OpenOrder } from './open-order.js';
import type { DeliveryState, OrderDetails, OrderRepository } from './order.repository.js';

/** How far a fiduciary is, by the last verb that it answered. */
const reached: Readonly<Record<string, string>> = {
  accept: 'accepted',
  deal: 'dealt',
  confirm: 'confirmed',
  commit: 'committed',
  release: 'released',
};

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
    return this.#show(found);
  }

  /** Of an order that was written for the first time, from what was written. */
  ofNew({ order, evidence, deliveries, envelopes, writtenAt }: OpenOrder): View {
    const { plugin, extension } = evidence.request.body;
    return this.#show({
      order,
      plugin,
      extension,
      pluginError: null,
      deliveries: deliveries.map(({ party, role, verb, lastError }) => ({
        party,
        role,
        verb,
        state: 'owed',
        lastError,
      })),
      envelopes: [...envelopes.keys()].map((cid) => ({ cid, published: false })),
      timeline: [{ at: writtenAt, event: order.state }],
    });
  }

  #show({ order, plugin, extension, pluginError, deliveries, envelopes, timeline }: OrderDetails): View {
    return {
      orderReference: order.ref,
      plugin,
      state: order.state,
      commitment: order.commitment,
      createdAt: order.createdAt,
      setupBy: order.setupBy,
      keepUntil: order.keepUntil,
      beneficiary: order.beneficiary,
      beneficiaryIsOwn: this.#isOwn(order.beneficiary),
      threshold: order.threshold,
      fiduciaries: order.fiduciaries.map((cid) => fiduciary(cid, order, deliveries)),
      waitingFor: deliveries
        .filter(({ state }) => state === 'owed')
        .map(({ party, role, lastError }) => ({ party, role, lastError })),
      failure: order.failure && {
        reason: order.failure.reason,
        owing: order.failure.owing.map((owed) => ({ ...owed })),
      },
      extension,
      pluginError,
      envelopes,
      timeline,
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
  const answered = own.filter(({ state }) => state === 'answered').flatMap(({ verb }) => reached[verb] ?? []);
  const alone = order.fiduciaries.length === 1;
  const state = answered.at(-1) ?? 'asked';
  return {
    idDocumentCID: cid,
    state: alone && state === 'accepted' ? 'confirmed' : state,
    lastError: own.find(({ lastError }) => lastError !== null)?.lastError ?? null,
  };
}

/** The error of an order that isn't there. */
export function orderNotFound(orderReference: Cid): DtaError {
  return new DtaError('order_not_found', 'no order of that reference', { metadata: { orderReference } });
}
