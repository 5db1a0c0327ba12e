import { DtaError } from '@dta/errors';
import type { z } from 'zod';

/** The version of {@link OrderPlugin} that this release runs. A plugin of another version is refused at the start. */
export const PLUGIN_API_VERSION = 1;

/** What travels in an `extension`: JSON whose numbers are whole. */
export type Extension = Readonly<Record<string, unknown>>;

/** What is known of an order once its key exists. Bytes are the hook's own copies. */
export interface OrderFacts<Request extends Extension> {
  /** The order's reference as its CID's text, and the same as 36 bytes. */
  readonly orderReference: string;
  readonly orderReferenceBytes: Uint8Array;
  /** The order's public key Y: a compressed point [33] of secp256k1, the only group of this version. */
  readonly commitment: Uint8Array;
  /** What {@link OrderPlugin.extendRequest} put into the Request: signed by the principal. */
  readonly request: Request;
}

type Awaitable<T> = T | Promise<T>;

/**
 * How a custodial service adds its own to an order, version 1. A plugin is a package whose default export is one of these,
 * made by {@link definePlugin}. Its hooks stand around the order's pure steps and get what their parameters say, nothing
 * else: no database, no key but that of the hook. They run in a thread of their own under a time and a memory limit; a
 * hook may run again for the same order, in another process, so it keeps nothing between calls.
 *
 * A hook that the plugin leaves out accepts, and answers `{}`. To turn something down it calls {@link refuse}; whatever
 * else it throws is a fault of the plugin's, and what it says then is neither shown nor logged.
 *
 * @see docs/plugins.md
 */
export interface OrderPlugin<
  Order extends Extension = Extension,
  Request extends Extension = Extension,
  Placed extends Extension = Extension,
  Redemption extends Extension = Extension,
  Redeemed extends Extension = Extension,
> {
  readonly apiVersion: typeof PLUGIN_API_VERSION;
  /** What an order says as `plugin`: 1 to 32 of a–z, 0–9 and -, beginning with a letter. */
  readonly name: string;
  /** Each `extension` on its way; what a schema says is also what the gateway shows in OpenAPI. */
  readonly schemas: {
    /** given with the order */
    readonly order: z.ZodType<Order>;
    /** in the Request, which every party of the order reads and keeps: nothing secret; 16 KiB with the Request itself */
    readonly request: z.ZodType<Request>;
    /** in the answer to the order, which the principal keeps and shows */
    readonly placed: z.ZodType<Placed>;
    /** given with the redemption; `{}` where the client gives none */
    readonly redemption: z.ZodType<Redemption>;
    /** in the answer with the secret, which nobody keeps */
    readonly redeemed: z.ZodType<Redeemed>;
  };
  /**
   * For a plugin that adds nothing: what an order says goes into its Request as it is, and back with each answer. It has no
   * hooks, and since nothing of it runs, an order doesn't wait for a thread.
   */
  readonly passThrough?: true;
  /** At the principal, before anything is signed: whether the order may be. */
  validateOrder?(order: Order): Awaitable<void>;
  /**
   * At the principal: what of it goes into the Request, and what must not. `held` [at most 64 KiB] waits sealed by custody
   * in the principal's database until {@link OrderPlugin.answerOrder} gets it; it is deleted in the transaction that stores
   * that hook's answer, or when the order ends without one.
   */
  extendRequest?(order: Order): Awaitable<{ readonly request: Request; readonly held?: Uint8Array }>;
  /** At the principal, as the order is committed: the public answer. */
  answerOrder?(order: OrderFacts<Request> & { readonly held: Uint8Array | null }): Awaitable<Placed>;
  /** At the principal before the Redemption is signed, and at the beneficiary before the next hook. */
  validateRedemption?(order: OrderFacts<Request> & { readonly redemption: Redemption }): Awaitable<void>;
  /** At the beneficiary: the final answer. `secret` is y [32]; the copy is wiped when the hook has ended. */
  answerRedemption?(
    order: OrderFacts<Request> & { readonly redemption: Redemption; readonly secret: Uint8Array },
  ): Awaitable<Redeemed>;
}

/** Gives a plugin as it is, its types taken from its schemas. */
export function definePlugin<
  Order extends Extension,
  Request extends Extension,
  Placed extends Extension,
  Redemption extends Extension,
  Redeemed extends Extension,
>(
  plugin: OrderPlugin<Order, Request, Placed, Redemption, Redeemed>,
): OrderPlugin<Order, Request, Placed, Redemption, Redeemed> {
  return plugin;
}

/**
 * Turns an order or a redemption down, for a reason that the client is told: at most 500 characters, and never a secret.
 *
 * @throws `plugin_refused`, always
 */
export function refuse(reason: string): never {
  throw new DtaError('plugin_refused', reason.slice(0, 500));
}
