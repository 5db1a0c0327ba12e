import { fields } from '@dta/codec';
import { z } from 'zod';
import {
  EVENTS_PER_CALL_MAX,
  FIDUCIARIES_MAX,
  IDEMPOTENCY_KEY_MAX_CHARS,
  IDENTITY_DOCUMENT_MAX_BYTES,
  IDENTITY_DOCUMENTS_MAX,
  ORDERS_PER_PAGE_MAX,
  WAIT_MAX_SECONDS,
} from '../limits.js';
import { roleSchema } from '../role.js';
import { identitySummarySchema, identityViewSchema } from './identity-view.js';
import {
  commitment,
  orderEventSchema,
  orderPlaceSchema,
  orderProgressSchema,
  orderStateSchema,
  orderSummarySchema,
  orderViewSchema,
  rulesSchema,
} from './order-view.js';

const idempotencyKey = z.string().min(1).max(IDEMPOTENCY_KEY_MAX_CHARS).nullable();
/**
 * How long the caller waits for the end of what it begins; 0: not at all. The call itself waits for at most
 * PROMPT_WAIT_MAX_MS of it, so that what is quick takes no second one.
 */
const callerWaitMs = z
  .int()
  .min(0)
  .max(WAIT_MAX_SECONDS * 1000);
const ofOneOrder = z.strictObject({ orderReference: fields.cid });

/**
 * Every call from a gateway to its own roles: its parameters and its result, as they travel in DAG-CBOR. A name with a
 * role before the dot is served by that role alone, the others by all; the verb of the subject is what follows the dot.
 *
 * Gateway and roles may be one version apart (docs/adr/0028). Parameters are strict: one that a role doesn't know could bound
 * what it is asked to do, so it refuses the call, and roles are rolled before gateways. A new parameter is optional for one
 * version. Of results the gateway drops the fields that it doesn't know, and states are open text.
 */
export const internalCalls = {
  /**
   * Signs and stores the Request, begins to drive it, and answers once it is committed, can't be, or the call's wait is over.
   * What could not be begun or answered in time is `busy`, and nothing is stored then.
   */
  'principal.place-order': {
    params: z.strictObject({
      /** `null`: the first of the principal's configuration. */
      plugin: z.string().min(1).max(64).nullable(),
      /** `null`: the fiduciary set of the principal's configuration. */
      fiduciaries: z.array(fields.cid).min(1).max(FIDUCIARIES_MAX).nullable(),
      /** `null`: the operator's own. */
      beneficiary: fields.cid.nullable(),
      threshold: fields.index.nullable(),
      /** Agrees to a threshold of 1 among several, each of whom then holds the whole. */
      single: z.boolean().nullable(),
      minDealers: fields.index.nullable(),
      setupBy: fields.ms.nullable(),
      keepUntil: fields.ms.nullable(),
      rules: rulesSchema.nullable(),
      extension: fields.extension,
      idempotencyKey,
      waitMs: callerWaitMs,
    }),
    result: orderProgressSchema,
  },
  /** Answers when the state is reached, can't be any more, or the wait has ended: with whatever the state is then. */
  'principal.await-order': {
    params: z.strictObject({
      orderReference: fields.cid,
      until: z.enum(['committed', 'released']),
      waitMs: z
        .int()
        .min(0)
        .max(WAIT_MAX_SECONDS * 1000),
    }),
    result: orderProgressSchema,
  },
  /** Answers when the order has events after the given one, when none will come any more, or when the wait has ended. */
  'principal.await-events': {
    params: z.strictObject({
      orderReference: fields.cid,
      /** 0: from the first. */
      after: z.int().min(0),
      waitMs: z
        .int()
        .min(0)
        .max(WAIT_MAX_SECONDS * 1000),
    }),
    result: z.object({
      events: z.array(orderEventSchema).max(EVENTS_PER_CALL_MAX),
      /** Whether the order is at its end, and these are its last events. */
      ended: z.boolean(),
    }),
  },
  /**
   * Redeems a committed order, and answers once it is released, can't be, or the call's wait is over; of one that is released
   * or releasing it changes nothing. `busy` as an order.
   */
  'principal.redeem-order': {
    params: z.strictObject({
      orderReference: fields.cid,
      beneficiary: fields.cid.nullable(),
      /** What the order's plugin is to validate. */
      extension: fields.extension,
      idempotencyKey,
      waitMs: callerWaitMs,
    }),
    result: orderProgressSchema,
  },
  'principal.get-order': { params: ofOneOrder, result: orderViewSchema },
  'principal.list-orders': {
    params: z.strictObject({
      /** Only orders beyond this place, in the direction of the list; `null`: from its beginning. */
      after: orderPlaceSchema.nullable(),
      /** Starts at 0, there. */
      page: z.int().min(0),
      perPage: z.int().min(1).max(ORDERS_PER_PAGE_MAX),
      sortBy: z.enum(['dateCreatedAsc', 'dateCreatedDsc']),
      state: orderStateSchema.nullable(),
      beneficiary: fields.cid.nullable(),
    }),
    result: z.object({
      orders: z.array(orderSummarySchema),
      /** Of the page: orders whose rows aren't as the principal wrote them. */
      unreadable: z.array(fields.cid),
      total: z.int().min(0),
      /** The place of the page's last order; `null` where the list ends with it. */
      next: z.object(orderPlaceSchema.shape).nullable(),
    }),
  },
  /** The secret y [32] of an order that was released to this beneficiary, with what its plugin makes of it. */
  'beneficiary.reveal-secret': {
    params: z.strictObject({
      orderReference: fields.cid,
      /** For the order's plugin; `null`: the secret alone, and no plugin runs. */
      extension: fields.extension.nullable(),
    }),
    result: z.object({
      secret: fields.bytes(32),
      commitment,
      orderReference: fields.cid,
      extension: fields.extension,
    }),
  },
  status: {
    params: z.strictObject({}),
    result: z.object({
      nodeCID: fields.cid,
      role: roleSchema,
      name: z.string(),
      extensionVendor: z.string(),
      /** Of orders that name none. */
      plugin: z.string(),
      /** Each with its schemas, as the text of their JSON Schemas. */
      plugins: z.array(
        z.object({
          name: z.string(),
          apiVersion: z.int(),
          schemas: z.object({
            order: z.string(),
            request: z.string(),
            placed: z.string(),
            redemption: z.string(),
            redeemed: z.string(),
          }),
        }),
      ),
      custody: z.string(),
      /** Whether what is erased can't come back from a backup. */
      custodyErases: z.boolean(),
      ready: z.boolean(),
      /** Each part that it needs: `up`, or why not. */
      parts: z.record(z.string(), z.string()),
      /** Parts that are away and without which it goes on, and why. */
      degraded: z.record(z.string(), z.string()),
    }),
  },
  /** The newest segment of the role's log that the document store has; null before the first. */
  'log-head': {
    params: z.strictObject({}),
    result: z.object({
      role: roleSchema,
      nodeCID: fields.cid,
      head: z.object({ seq: fields.counter, segment: fields.cid }).nullable(),
    }),
  },
  'list-identities': {
    params: z.strictObject({ role: roleSchema.nullable() }),
    result: z.object({ identities: z.array(identitySummarySchema) }),
  },
  'get-identity': { params: z.strictObject({ idDocumentCID: fields.cid }), result: identityViewSchema },
  /**
   * Puts an identity on the admission list, by the documents of its chain, in any order, or by its CID where a store can find
   * that; a Decision among them ends a fork of the chain, a Revocation the chain.
   */
  'admit-identity': {
    params: z
      .strictObject({
        documents: z.array(fields.bytesUpTo(IDENTITY_DOCUMENT_MAX_BYTES)).max(IDENTITY_DOCUMENTS_MAX),
        idDocumentCID: fields.cid.nullable(),
      })
      .refine(({ documents, idDocumentCID }) => documents.length > 0 || idDocumentCID !== null, 'one of the two'),
    result: z.object({ idDocumentCID: fields.cid }),
  },
} as const;

/** The name of an internal call. */
export type InternalCall = keyof typeof internalCalls;
export type ParamsOf<V extends InternalCall> = z.output<(typeof internalCalls)[V]['params']>;
export type ResultOf<V extends InternalCall> = z.output<(typeof internalCalls)[V]['result']>;

/** The last part of a call's subject: the name without its role. */
export function verbOf(call: InternalCall): string {
  return call.slice(call.indexOf('.') + 1);
}
