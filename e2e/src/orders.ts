import { fromHex, toHex } from '@dta/codec';
import { publicPoint } from '@dta/crypto';
import type { RestAnswer, RestApi } from '@dta/testkit';
import { setTimeout as delay } from 'node:timers/promises';

/** An order that is committed. */
export interface Placed {
  readonly orderReference: string;
  readonly commitment: string;
}

/** Places an order and waits until it is committed. @throws Error with what was answered instead */
export async function place(
  api: RestApi,
  body: object = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Placed> {
  const { orderReference, commitment } = expected(200, await api.post('/v1/order', { wait: 30, ...body }, headers));
  return { orderReference: String(orderReference), commitment: String(commitment) };
}

/** Places an order and doesn't wait for it. @returns its reference */
export async function begin(api: RestApi, body: object = {}): Promise<string> {
  return String(expected(202, await api.post('/v1/order', { ...body, wait: 0 })).orderReference);
}

/** Redeems an order and waits for its secret [hex]. @throws Error with what was answered instead */
export async function redeem(api: RestApi, orderReference: string, wait = 30): Promise<string> {
  return String(expected(200, await api.post('/v1/order/secret', { orderReference, wait })).secret);
}

/** An order as `GET /v1/order/{ref}` shows it, as far as tests look at it. */
export interface OrderDetail {
  readonly state: string;
  readonly commitment: string | null;
  readonly fiduciaries: readonly { idDocumentCID: string; state: string; lastError: string | null }[];
  readonly waitingFor: readonly Record<string, string | null>[];
  readonly timeline: readonly { at: string; event: string }[];
}

/** The order as it stands. */
export async function detail(api: RestApi, orderReference: string): Promise<OrderDetail> {
  const body = expected(200, await api.get(`/v1/order/${orderReference}`));
  return body as unknown as OrderDetail; // the gateway encodes it by the schema of that route
}

/** Asks again and again until `reached` holds. @throws Error with how the order stood after `limitMs` */
export async function until(
  api: RestApi,
  orderReference: string,
  reached: (order: OrderDetail) => boolean,
  limitMs = 30_000,
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
  return toHex(publicPoint(fromHex(secret))) === commitment;
}

/** The body of an answer of that status. @throws Error with what was answered instead */
export function expected(status: number, answer: RestAnswer): Readonly<Record<string, unknown>> {
  if (answer.status === status && answer.body !== undefined) return answer.body;
  throw new Error(`${status} was expected, but the answer is ${answer.status} ${JSON.stringify(answer.body)}`);
}
