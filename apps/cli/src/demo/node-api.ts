import { createClient, isPending, ProblemError, type Client } from '@dta/client';
import { parseCid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import { roles } from '@dta/identity';
import { z } from 'zod';
import { reasonOf } from '../reason-of.js';

const REQUEST_LIMIT_MS = 45_000;
const WAIT_SECONDS = 30;

const cid = z.string().transform((text) => parseCid(text));
const heads = z.looseObject({
  outcomes: z.array(z.looseObject({ role: z.enum(roles), nodeCID: cid, code: z.string() })),
  heads: z.array(
    z.looseObject({ role: z.enum(roles), nodeCID: cid, head: z.looseObject({ segment: cid }).nullable() }),
  ),
});

/** A node's REST API, as far as `dta` uses it. */
export interface NodeApi {
  readonly url: string;
  /** Whether a node answers at the url. @throws what {@link NodeApi.place} does */
  isThere(): Promise<boolean>;
  /** @throws `service_unavailable` where the node is away, refuses, isn't a D-TA, or takes more than 30 s */
  place(): Promise<{ readonly orderReference: string; readonly commitment: string }>;
  /** The secret, hex. @throws as {@link NodeApi.place} */
  redeem(orderReference: string): Promise<string>;
  order(orderReference: string): ReturnType<Client['order']>;
  /**
   * The head of each role's log, and how each answered; names held against what a CID looks like.
   *
   * @throws as {@link NodeApi.place}
   */
  heads(): Promise<z.output<typeof heads>>;
}

/**
 * Speaks to the node at `url`.
 *
 * @param token the bearer token; null for a standalone node, which asks for none
 */
export function nodeApi(url: string, token: string | null, signal: AbortSignal): NodeApi {
  const client = createClient({ url, ...(token !== null && { token }) });
  const limited = () => ({ signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_LIMIT_MS)]) });
  const ask = <T>(answer: Promise<T>): Promise<T> =>
    answer.catch((error: unknown) => {
      throw failureAt(url, error);
    });
  return {
    url,
    isThere: async () => {
      try {
        const { nodeCID }: { nodeCID?: unknown } = await client.status(limited());
        if (typeof nodeCID !== 'string') throw notADta(url);
        return true;
      } catch (error) {
        if (isNobodyThere(error)) return false;
        throw failureAt(url, error);
      }
    },
    place: async () => {
      const placed = await ask(client.placeOrder({ wait: WAIT_SECONDS }, limited()));
      if (isPending(placed)) throw notDone(url, placed.state);
      return placed;
    },
    redeem: async (orderReference) => {
      const redeemed = await ask(client.redeemOrder({ orderReference, wait: WAIT_SECONDS }, limited()));
      if (isPending(redeemed)) throw notDone(url, redeemed.state);
      if (!('secret' in redeemed))
        throw unavailable(`the beneficiary of ${url} is another operator's: ask its gateway`);
      return redeemed.secret;
    },
    order: (orderReference) => ask(client.order(orderReference, limited())),
    heads: async () => {
      const { data } = await ask(client.rest.GET('/v1/log/head', limited()));
      const understood = heads.safeParse(data);
      if (!understood.success) throw notADta(url);
      return understood.data;
    },
  };
}

/** What stopped a request, in one sentence. */
function failureAt(url: string, error: unknown): unknown {
  if (error instanceof ProblemError) {
    if (error.problem === null) return notADta(url);
    if (error.code === 'unauthenticated') {
      return unavailable(`${url} asks for a bearer token: give the file that holds it with --token-file`);
    }
    return unavailable(`${url} refused: ${error.message} (${error.code})`);
  }
  if (!(error instanceof TypeError)) return error; // an abort, whose reason says it all
  return unavailable(`${url} can't be reached: ${reasonOf(error.cause)}`, error.cause); // fetch says there why it failed
}

function notADta(url: string): DtaError {
  return unavailable(`what answers at ${url} is not a D-TA that this demo understands`);
}

function notDone(url: string, state: string): DtaError {
  return unavailable(`${url} is not done after ${WAIT_SECONDS} s: the order is ${state}`);
}

function unavailable(message: string, cause?: unknown): DtaError {
  return new DtaError('service_unavailable', message, { cause });
}

function isNobodyThere(error: unknown): boolean {
  return error instanceof TypeError && reasonOf(error.cause) === 'ECONNREFUSED';
}
