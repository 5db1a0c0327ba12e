import createRestClient, { type Client as RestClient } from 'openapi-fetch';
import { followOrder, type FollowOptions, type OrderEvent } from './follow-order.js';
import type { components, operations, paths } from './openapi.js';
import { ProblemError, problemErrorOf } from './problem-error.js';

type Schemas = components['schemas'];

/** Which gateway, and who asks. */
export interface ClientOptions {
  /** As `http://localhost:5556`. */
  readonly url: string;
  /** The bearer token; a standalone node asks for none. */
  readonly token?: string;
}

/** What a request may say beside its body. */
export interface RequestOptions {
  readonly signal?: AbortSignal;
  /** The same key and body: the same order, however often it is asked for. */
  readonly idempotencyKey?: string;
}

type ListQuery = NonNullable<operations['listOrders']['parameters']['query']>;
/** Which orders a list shows, and in which order. */
export type OrderFilter = Pick<ListQuery, 'sortBy' | 'state' | 'beneficiary'>;
/** An order as a row of a list. */
export type OrderSummary = Schemas['OrderList']['orders'][number];

/** What a gateway answers where an order isn't there within the request's `wait`. */
export type PendingOrder = Schemas['PendingOrder'];

/**
 * A gateway's REST API. Every method rejects with {@link ProblemError} where the gateway refuses, with what its signal was
 * aborted with, and with `fetch`'s own TypeError where nobody answers.
 */
export interface Client {
  /** Every route of the API by its path, typed by docs/openapi.json; what isn't success is a {@link ProblemError}. */
  readonly rest: RestClient<paths>;
  status(options?: RequestOptions): Promise<Schemas['Status']>;
  /** Committed, or pending where that takes longer than `wait`: see {@link isPending}. */
  placeOrder(order?: Schemas['OrderRequest'], options?: RequestOptions): Promise<Schemas['PlacedOrder'] | PendingOrder>;
  /** With the secret where the beneficiary is this operator's; pending where the release takes longer than `wait`. */
  redeemOrder(
    redemption: Schemas['RedemptionRequest'],
    options?: RequestOptions,
  ): Promise<Schemas['RedeemedOrder'] | PendingOrder>;
  order(orderReference: string, options?: RequestOptions): Promise<Schemas['Order']>;
  orders(query?: ListQuery, options?: RequestOptions): Promise<Schemas['OrderList']>;
  /** Every order that fits and is there at the beginning, page by page of 1,000: each once, whatever is ordered meanwhile. */
  allOrders(query?: OrderFilter, options?: RequestOptions): AsyncGenerator<OrderSummary, void>;
  /** The secret of an order that was released to this operator's beneficiary. */
  secret(orderReference: string, options?: RequestOptions): Promise<Schemas['Secret']>;
  /** The order's events, past ones first, until it is at its end: over lost connections and gateways that restart. */
  followOrder(orderReference: string, options?: FollowOptions): AsyncGenerator<OrderEvent, void>;
}

/** Whether an order, or its release, wasn't there within `wait`: it goes on, and is asked for again by its reference. */
export function isPending<T extends object>(answer: T | PendingOrder): answer is PendingOrder {
  return 'waitingFor' in answer;
}

/** A client of one gateway. Nothing is sent before a method is called. */
export function createClient({ url, token }: ClientOptions): Client {
  const rest = createRestClient<paths>({
    baseUrl: url.replace(/\/$/, ''),
    ...(token !== undefined && { headers: { Authorization: `Bearer ${token}` } }),
  });
  rest.use({
    onResponse: async ({ response }) => {
      const isReadiness = response.status === 503 && /\/health\/ready$/.test(response.url); // no problem, but an answer
      if (!response.ok && !isReadiness) throw await problemErrorOf(response);
    },
  });
  return {
    rest,
    status: (options) => bodyOf(rest.GET('/v1/status', init(options))),
    placeOrder: (body = {}, options) => bodyOf(rest.POST('/v1/order', { ...init(options), body })),
    redeemOrder: (body, options) => bodyOf(rest.POST('/v1/order/secret', { ...init(options), body })),
    order: (orderReference, options) => {
      const params = { path: { orderReference } };
      return bodyOf(rest.GET('/v1/order/{orderReference}', { ...init(options), params }));
    },
    orders: (query = {}, options) => bodyOf(rest.GET('/v1/order', { ...init(options), params: { query } })),
    allOrders: (filter, options) => allOrders(rest, filter, options),
    secret: (orderReference, options) => {
      const params = { path: { orderReference } };
      return bodyOf(rest.GET('/v1/order/{orderReference}/secret', { ...init(options), params }));
    },
    followOrder: (orderReference, options) => followOrder(rest, orderReference, options),
  };
}

async function* allOrders(
  rest: RestClient<paths>,
  filter: OrderFilter = {},
  options?: RequestOptions,
): AsyncGenerator<OrderSummary, void> {
  for (let cursor: string | null | undefined; cursor !== null;) {
    const query = { ...filter, perPage: 1000, ...(cursor !== undefined && { cursor }) };
    const page: Schemas['OrderList'] = await bodyOf(rest.GET('/v1/order', { ...init(options), params: { query } }));
    yield* page.orders;
    cursor = page.next;
  }
}

function init({ signal, idempotencyKey }: RequestOptions = {}) {
  return {
    ...(signal !== undefined && { signal }),
    ...(idempotencyKey !== undefined && { headers: { 'Idempotency-Key': idempotencyKey } }),
  };
}

/** The body of a success. @throws ProblemError of code `unknown` where there is none, or it isn't JSON */
async function bodyOf<T>(answered: Promise<{ data?: T; response: Response }>): Promise<T> {
  const { data, response } = await answered.catch((error: unknown) => {
    throw error instanceof SyntaxError ? new ProblemError(200, null, null) : error;
  });
  if (data === undefined) throw new ProblemError(response.status, null, null);
  return data;
}
