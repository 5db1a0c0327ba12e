import { parseCid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import { roles } from '@dta/identity';
import { z } from 'zod';
import { reasonOf } from '../reason-of.js';

const REQUEST_LIMIT_MS = 45_000;

const status = z.looseObject({ application: z.string(), nodeCID: z.string() });
const placed = z.looseObject({ orderReference: z.string(), commitment: z.string() });
const redeemed = z.looseObject({ secret: z.string(), commitment: z.string() });
const detail = z.looseObject({
  state: z.string(),
  threshold: z.int(),
  fiduciaries: z.array(z.looseObject({ idDocumentCID: z.string() })),
  timeline: z.array(z.looseObject({ at: z.string(), event: z.string() })),
});
const cid = z.string().transform((text) => parseCid(text));
const heads = z.looseObject({
  heads: z.array(
    z.looseObject({ role: z.enum(roles), nodeCID: cid, head: z.looseObject({ segment: cid }).nullable() }),
  ),
});
const problem = z.looseObject({ code: z.string(), detail: z.string() });

/** A node's REST API, as far as `dta` uses it. */
export interface NodeApi {
  readonly url: string;
  /** undefined where nothing answers at the url. @throws what {@link NodeApi.place} does */
  status(): Promise<z.output<typeof status> | undefined>;
  /** @throws `service_unavailable` where the node is away, refuses, isn't a D-TA, or takes more than 30 s */
  place(): Promise<z.output<typeof placed>>;
  redeem(orderReference: string): Promise<z.output<typeof redeemed>>;
  order(orderReference: string): Promise<z.output<typeof detail>>;
  /** The head of each role's log. */
  heads(): Promise<z.output<typeof heads>['heads']>;
}

/**
 * Speaks to the node at `url`.
 *
 * @param token the bearer token; null for a standalone node, which asks for none
 */
export function nodeApi(url: string, token: string | null, signal: AbortSignal): NodeApi {
  const call = async <S extends z.ZodType>(path: string, schema: S, body?: object): Promise<z.output<S>> => {
    const response = await reach(new URL(path, url), {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_LIMIT_MS)]),
    });
    const answer: unknown = await response.json().catch(() => undefined);
    const understood = schema.safeParse(answer);
    if (response.status === 200 && understood.success) return understood.data;
    throw new DtaError('service_unavailable', refusalOf(`${url}${path}`, response.status, answer));
  };
  return {
    url,
    status: () =>
      call('/v1/status', status).catch((error: unknown) => {
        if (isNobodyThere(error)) return undefined;
        throw error;
      }),
    place: () => call('/v1/order', placed, { wait: 30 }),
    redeem: (orderReference) => call('/v1/order/secret', redeemed, { orderReference, wait: 30 }),
    order: (orderReference) => call(`/v1/order/${orderReference}`, detail),
    heads: async () => (await call('/v1/log/head', heads)).heads,
  };
}

function refusalOf(place: string, httpStatus: number, answer: unknown): string {
  const refusal = problem.safeParse(answer);
  if (refusal.success && refusal.data.code === 'unauthenticated') {
    return `${place} asks for a bearer token: give the file that holds it with --token-file`;
  }
  if (refusal.success) return `${place} refused: ${refusal.data.detail} (${refusal.data.code})`;
  if (httpStatus === 202) return `${place} is not done after 30 s: ${JSON.stringify(answer)}`;
  return `what answers at ${place} (status ${httpStatus}) is not a D-TA that this demo understands`;
}

/** @throws DtaError `service_unavailable`; what the signal was aborted with */
async function reach(place: URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(place, init);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // an abort, whose reason says it all
    const { cause } = error; // fetch says there why it failed
    throw new DtaError('service_unavailable', `${place.href} can't be reached: ${reasonOf(cause)}`, { cause });
  }
}

function isNobodyThere(error: unknown): boolean {
  return error instanceof DtaError && reasonOf(error.cause) === 'ECONNREFUSED';
}
