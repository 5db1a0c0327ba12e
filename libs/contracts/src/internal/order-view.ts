import { fields } from '@dta/codec';
import { z } from 'zod';
import { roleSchema } from '../role.js';

/** The principal's states of an order (docs/protocol.md §6). */
export const orderStateSchema = z.enum([
  'requested',
  'enrolled',
  'dealing',
  'committed',
  'releasing',
  'released',
  'renewing',
  'failed',
  'cancelled',
  'expired',
]);
export type OrderState = z.output<typeof orderStateSchema>;

/** A state as a role tells of it: a role of a newer version may have one that its gateway doesn't know. */
export const shownState = z.string().min(1).max(64);

/** Y, a compressed point of secp256k1: what roles and gateway tell each other knows no other group yet (ADR 26). */
export const commitment = fields.bytes(33);

/** What each fiduciary checks for itself before it releases its share. */
export const rulesSchema = z.strictObject({
  notBefore: fields.ms.nullable(),
  maxReleases: z.int().positive().nullable(),
  waitSeconds: z.int().positive().nullable(),
});
export type Rules = z.output<typeof rulesSchema>;

/** The error code of the last attempt, and what the principal knows of its cause; each `null` where there is none. */
const lastAttempt = { lastError: z.string().nullable(), detail: z.string().nullable() };

/** An order as its principal sees it, in full. */
export const orderViewSchema = z.object({
  orderReference: fields.cid,
  plugin: z.string(),
  state: shownState,
  commitment: commitment.nullable(),
  createdAt: fields.ms,
  setupBy: fields.ms,
  keepUntil: fields.ms.nullable(),
  beneficiary: fields.cid,
  /** Whether this operator's own beneficiary is meant, whose gateway can read the secret. */
  beneficiaryIsOwn: z.boolean(),
  threshold: fields.index,
  fiduciaries: z.array(
    z.object({
      idDocumentCID: fields.cid,
      /** How far it is: asked, accepted, dealt, confirmed, committed, released, excluded … */
      state: z.string(),
      ...lastAttempt,
    }),
  ),
  /** Who owes the next answer. */
  waitingFor: z.array(z.object({ party: fields.cid, role: roleSchema, ...lastAttempt })),
  /** Why an order that failed did, and who still owed an answer then. */
  failure: z.object({ reason: z.string(), owing: z.array(z.object({ party: fields.cid, ...lastAttempt })) }).nullable(),
  /** What the plugin answered; until then what the Request says. */
  extension: fields.extension,
  /** The code of the error for which a committed order has no answer of its plugin yet. */
  pluginError: z.string().nullable(),
  /** What this principal sent for the order; published once the log holds it. */
  envelopes: z.array(z.object({ cid: fields.cid, published: z.boolean() })),
  timeline: z.array(z.object({ at: fields.ms, event: z.string() })),
});
export type OrderView = z.output<typeof orderViewSchema>;

/** How far an order is: what whoever placed or redeems it is told, and no more. */
export const orderProgressSchema = orderViewSchema.pick({
  orderReference: true,
  state: true,
  commitment: true,
  createdAt: true,
  beneficiary: true,
  beneficiaryIsOwn: true,
  waitingFor: true,
  failure: true,
  extension: true,
  pluginError: true,
});
export type OrderProgress = z.output<typeof orderProgressSchema>;

/** A step of an order, as its principal noted it. */
export const orderEventSchema = z.object({
  /** Rises with each event of an order. */
  id: z.int().positive(),
  at: fields.ms,
  /** The state that the order reached. */
  event: z.string(),
});
export type OrderEvent = z.output<typeof orderEventSchema>;

/**
 * Where an order stands among all: by its time and then by its reference. Both as the row has them, whatever they are: a list
 * goes on beyond a row that can't be read.
 */
export const orderPlaceSchema = z.strictObject({ createdAt: z.int(), ref: z.string().max(128) });
export type OrderPlace = z.output<typeof orderPlaceSchema>;

/**
 * An order as a row of a list. The last two and the commitment are null where a newer version of the principal wrote the
 * order: the replica that answers reads its columns alone.
 */
export const orderSummarySchema = z.object({
  orderReference: fields.cid,
  state: shownState,
  commitment: commitment.nullable(),
  createdAt: fields.ms,
  beneficiary: fields.cid,
  threshold: fields.index.nullable(),
  /** How many there are. */
  fiduciaries: fields.index.nullable(),
});
export type OrderSummary = z.output<typeof orderSummarySchema>;
