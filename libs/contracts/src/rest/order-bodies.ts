import { z } from 'zod';
import { cidText } from '../cid-text.js';
import { orderStateSchema, shownState } from '../internal/order-view.js';
import {
  FIDUCIARIES_MAX,
  ORDERS_PER_PAGE_DEFAULT,
  ORDERS_PER_PAGE_MAX,
  WAIT_DEFAULT_SECONDS,
  WAIT_MAX_SECONDS,
} from '../limits.js';
import { extension, hexBytes, instant, queryInteger, unixSeconds } from './values.js';

const orderReference = cidText.describe("The CID of the order's Request");
const commitment = hexBytes(33).describe("The order's public key Y, a compressed point of secp256k1");
const member = z.int().min(1).max(FIDUCIARIES_MAX);
const lastAttempt = {
  lastError: z.string().nullable().describe('The code that the last attempt ended with'),
  detail: z.string().nullable().describe('What the principal knows of its cause: whose admission list lacks whom'),
};

const beneficiaryIDDocumentCID = z
  .union([z.literal(''), cidText])
  .transform((cid) => (cid === '' ? null : cid))
  .optional()
  .describe("Empty or absent: the operator's own beneficiary");
const pluginName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be the name of a plugin: 1 to 32 of a–z, 0–9 and -');
const wait = z
  .int()
  .min(0)
  .max(WAIT_MAX_SECONDS)
  .default(WAIT_DEFAULT_SECONDS)
  .describe('Seconds to wait for the end before the answer is 202');

export const revealSecretBody = z.strictObject({
  extension: extension.default({}).describe("What the order's plugin asks for"),
});

/** The states of today, in the document: a client takes any other for one that it doesn't know. */
const state = shownState
  .meta({ 'x-extensible-enum': orderStateSchema.options })
  .describe('How far it is; later versions may have more states, so a client must take any text');

export const orderPath = z.strictObject({ orderReference });

export const eventsHeaders = z.object({
  'Last-Event-ID': queryInteger(0, Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('The id of the last event that the client has; absent: from the first'),
});

export const placeOrderBody = z.strictObject({
  beneficiaryIDDocumentCID,
  extension: extension.optional(),
  fiduciaries: z
    .array(cidText)
    .min(1)
    .max(FIDUCIARIES_MAX)
    .optional()
    .describe("Absent: the principal's configured fiduciary set"),
  threshold: member.optional().describe('How many fiduciaries it takes to release; more than half by default'),
  single: z.boolean().optional().describe('Agrees to a threshold of 1 among several, each of whom holds the whole'),
  minDealers: member.optional(),
  setupBy: instant
    .optional()
    .describe('The order fails where it is not committed by then; 15 minutes by default, at most 7 days'),
  keepUntil: instant.optional().describe('Fiduciaries erase their shares then; never by default'),
  rules: z
    .strictObject({
      notBefore: instant.optional(),
      maxReleases: z.int().positive().optional(),
      waitSeconds: z.int().positive().optional(),
    })
    .optional()
    .describe('Checked by each fiduciary for itself before it releases'),
  plugin: pluginName.optional().describe("Absent: the first of the principal's plugins; `/v1/status` names them"),
  wait,
});

export const redeemOrderBody = z.strictObject({
  orderReference,
  beneficiaryIDDocumentCID,
  extension: extension.optional(),
  wait,
});

export const listOrdersQuery = z.strictObject({
  page: queryInteger(0, 1_000_000)
    .optional()
    .describe(
      'Starts at 0, the default. Newest first, pages move while orders come in: `cursor` goes on where a page ended',
    ),
  cursor: z
    .string()
    .optional()
    .describe(
      '`next` of an answer: the orders after those, by the same order and filters, which need not be said again',
    ),
  perPage: queryInteger(1, ORDERS_PER_PAGE_MAX).default(ORDERS_PER_PAGE_DEFAULT),
  sortBy: z
    .string()
    .transform((order) => (order === 'dateCreatedAsc' ? 'dateCreatedAsc' : 'dateCreatedDsc'))
    .optional()
    .describe('dateCreatedAsc: oldest first; anything else: newest first'),
  state: orderStateSchema.optional(),
  beneficiary: cidText.optional(),
});

/** Who owes the next answer, named by its role, and how the last attempt ended. */
export const waitingFor = z.array(
  z.union([
    z.strictObject({ fiduciary: cidText, ...lastAttempt }),
    z.strictObject({ beneficiary: cidText, ...lastAttempt }),
    z.strictObject({ principal: cidText, ...lastAttempt }),
  ]),
);

export const placedOrder = z.strictObject({
  orderReference,
  commitment,
  createdAt: unixSeconds,
  extension: extension.optional(),
});

export const pendingOrder = z.strictObject({ orderReference, state, waitingFor });

export const secretAnswer = z.strictObject({
  secret: hexBytes(32).describe("The order's private key y"),
  commitment,
  orderReference,
  extension: extension.optional(),
});

/** The beneficiary is another operator's: the secret is read at that one's gateway. */
export const releasedElsewhere = z.strictObject({ orderReference, commitment, state: z.literal('released') });

export const redeemedOrder = z.union([secretAnswer, releasedElsewhere]);

export const orderList = z.strictObject({
  orderReference: z.array(orderReference),
  orders: z.array(
    z.strictObject({
      orderReference,
      state,
      commitment: commitment.nullable(),
      createdAt: unixSeconds,
      beneficiary: cidText,
      threshold: member
        .nullable()
        .describe(
          'Null, as are `commitment` and `fiduciaries`, of an order that a newer version of the principal wrote',
        ),
      fiduciaries: member.nullable().describe('How many there are'),
    }),
  ),
  total: z.int().min(0),
  unreadable: z
    .array(orderReference)
    .optional()
    .describe("Only where there are any: orders of this page whose rows were altered in the principal's database"),
  next: z.string().nullable().describe('The `cursor` of the next page; null where the list ends'),
});

export const orderDetail = z.strictObject({
  orderCID: orderReference,
  order: z.string().describe("JSON text of the order's record; `Type` says what it is, as in the original"),
  orderReference,
  plugin: z.string(),
  state,
  commitment: commitment.nullable(),
  createdAt: unixSeconds,
  setupBy: instant,
  keepUntil: instant.nullable(),
  beneficiary: cidText,
  beneficiaryIsOwn: z.boolean(),
  threshold: member,
  fiduciaries: z.array(z.strictObject({ idDocumentCID: cidText, state: z.string(), ...lastAttempt })),
  waitingFor,
  failure: z.strictObject({ reason: z.string(), waitingFor }).nullable(),
  extension: extension.describe("What the order's plugin answered; until then what the Request says"),
  pluginError: z
    .string()
    .nullable()
    .describe('The code of the error for which a committed order has no answer of its plugin yet'),
  envelopes: z.array(z.strictObject({ cid: cidText, published: z.boolean() })),
  timeline: z.array(z.strictObject({ at: instant, event: z.string() })),
});
