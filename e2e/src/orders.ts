import { isPending, type Client } from '@dta/client';
import { fromHex, toHex } from '@dta/codec';
import { secp256k1 } from '@dta/crypto';
import type { RestAnswer, RestApi } from '@dta/testkit';
import { setTimeout as delay } from 'node:timers/promises';

/** An order that is committed. */
export interface Placed {
  readonly orderReference: string;
  readonly commitment: string;
}

/** What an order may ask for. */
type OrderRequest = NonNullable<Parameters<Client['placeOrder']>[0]>;

/** Places an order and waits until it is committed. @throws ProblemError, or Error where it isn't within 60 s */
export async function place(api: RestApi, body: OrderRequest = {}, idempotencyKey?: string): Promise<Placed> {
  const options = idempotencyKey === undefined ? {} : { idempotencyKey };
  const placed = await api.client.placeOrder({ wait: 60, ...body }, options);
  if (isPending(placed)) throw new Error(`the order is still ${placed.state}`);
  return placed;
}

/** Places an order and doesn't wait for it. @returns its reference */
export async function begin(api: RestApi, body: OrderRequest = {}): Promise<string> {
  return (await api.client.placeOrder({ ...body, wait: 0 })).orderReference;
}

/** Redeems an order and waits for its secret [hex]. @throws ProblemError, or Error where there is none within `wait` */
export async function redeem(api: RestApi, orderReference: string, wait = 60): Promise<string> {
  const redeemed = await api.client.redeemOrder({ orderReference, wait });
  if ('secret' in redeemed) return redeemed.secret;
  throw new Error(`no secret, but ${JSON.stringify(redeemed)}`);
}

/** An order as `GET /v1/order/{ref}` shows it. */
export type OrderDetail = Awaited<ReturnType<Client['order']>>;

/** The order as it stands. */
export function detail(api: RestApi, orderReference: string): Promise<OrderDetail> {
  return api.client.order(orderReference);
}

/** Asks again and again until `reached` holds. @throws Error with how the order stood after `limitMs` */
export async function until(
  api: RestApi,
  orderReference: string,
  reached: (order: OrderDetail) => boolean,
  limitMs = 90_000,
): Promise<OrderDetail> {
  for (const limit = Date.now() + limitMs; ; await delay(50)) {
    const order = await detail(api, orderReference).catch((error: unknown) => {
      if (Date.now() > limit) throw error; // a gateway or principal that was killed is away for a while
      return undefined;
    });
    if (order !== undefined && reached(order)) return order;
    if (Date.now() > limit) {
      const { state, waitingFor, timeline }: Partial<OrderDetail> = order ?? {};
      throw new Error(`not so after ${limitMs} ms: ${JSON.stringify({ state, waitingFor, timeline })}`);
    }
  }
}

/** Whether `secret` is the private key of `commitment`: secp256k1's base point times it, compressed. */
export function isPrivateKeyOf(secret: string, commitment: string): boolean {
  return toHex(secp256k1.publicPoint(fromHex(secret))) === commitment;
}

/** The body of an answer of that status. @throws Error with what was answered instead */
export function expected(status: number, answer: RestAnswer): Readonly<Record<string, unknown>> {
  if (answer.status === status && answer.body !== undefined) return answer.body;
  throw new Error(`${status} was expected, but the answer is ${answer.status} ${JSON.stringify(answer.body)}`);
}
