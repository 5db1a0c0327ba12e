import { decodeDocument, encodeDocument, fields, NO_ITEM_LIMITS, type Cid } from '@dta/codec';
import {
  EVENTS_PER_CALL_MAX,
  INTERNAL_CALL_MAX_BYTES,
  orderStateSchema,
  type OrderEvent,
  type OrderSummary,
} from '@dta/contracts';
import { parseStatement } from '@dta/identity';
import { OrderTable, type Delivery, type Node } from '@dta/node';
import { principalDueAt, requestStatement, type PrincipalOrder } from '@dta/order';
import { z } from 'zod';

const MAX_RECORD_BYTES = 64 * 1024;

const record = z.strictObject({
  ref: fields.cid,
  state: orderStateSchema,
  createdAt: fields.ms,
  setupBy: fields.ms,
  keepUntil: fields.ms.nullable(),
  beneficiary: fields.cid,
  fiduciaries: z.array(fields.cid),
  threshold: fields.index,
  manifest: fields.cid.nullable(),
  certificate: fields.cid.nullable(),
  commitment: fields.bytes(33).nullable(),
  redemption: fields.cid.nullable(),
  redemptionExpiresAt: fields.ms.nullable(),
  failure: z
    .strictObject({
      reason: z.string(),
      owing: z.array(z.strictObject({ party: fields.cid, lastError: z.string().nullable() })),
    })
    .nullable(),
});

/** Which orders a list shows. */
export interface ListQuery {
  readonly page: number;
  readonly perPage: number;
  readonly newestFirst: boolean;
  readonly state: string | null;
  readonly beneficiary: Cid | null;
}

/** A principal's orders. */
export class OrderRepository extends OrderTable<PrincipalOrder> {
  readonly #node: Node;

  constructor(node: Node) {
    super(node.database, {
      encode: (order) => ({
        ref: order.ref,
        state: order.state,
        beneficiary: order.beneficiary,
        createdAt: order.createdAt,
        dueAt: principalDueAt(order),
        record: encodeDocument(record, {
          ...order,
          fiduciaries: [...order.fiduciaries],
          failure: order.failure && { ...order.failure, owing: order.failure.owing.map((owed) => ({ ...owed })) },
        }),
      }),
      decode: (bytes) => decodeDocument(record, bytes, MAX_RECORD_BYTES),
    });
    this.#node = node;
  }

  /** One page of orders, and how many there are in all. */
  async list({
    page,
    perPage,
    newestFirst,
    state,
    beneficiary,
  }: ListQuery): Promise<{ orders: OrderSummary[]; total: number }> {
    const where = '($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR beneficiary = $2)';
    const direction = newestFirst ? 'DESC' : 'ASC';
    const rows: { record: Buffer }[] = await this.#node.database.query(
      `SELECT record FROM orders WHERE ${where} ORDER BY created_at ${direction}, ref ${direction} LIMIT $3 OFFSET $4`,
      [state, beneficiary, perPage, page * perPage],
    );
    const counted: { total: string }[] = await this.#node.database.query(
      `SELECT count(*) AS total FROM orders WHERE ${where}`,
      [state, beneficiary],
    );
    const orders = rows.map(({ record: bytes }) => this.shape.decode(new Uint8Array(bytes)));
    return {
      orders: orders.map((order) => ({
        orderReference: order.ref,
        state: order.state,
        commitment: order.commitment,
        createdAt: order.createdAt,
        beneficiary: order.beneficiary,
        threshold: order.threshold,
        fiduciaries: order.fiduciaries.length,
      })),
      total: Number(counted[0]?.total ?? 0),
    };
  }

  /** The order's state and its events after one of them, oldest first, as many as one call tells of; or undefined. */
  async events(ref: Cid, after: number): Promise<{ state: string; events: OrderEvent[] } | undefined> {
    const [row] = await this.#node.database.query<{ state: string; events: OrderEvent[] | null }>(
      `SELECT o.state,
         (SELECT json_agg(json_build_object('id', e.id, 'at', e.at, 'event', e.kind) ORDER BY e.id)
          FROM (SELECT id, at, kind FROM events WHERE order_ref = o.ref AND id > $2 ORDER BY id LIMIT $3) AS e) AS events
       FROM orders o WHERE o.ref = $1`,
      [ref, after, EVENTS_PER_CALL_MAX],
    );
    return row && { state: row.state, events: row.events ?? [] };
  }

  /** How far an order is and whom it waits for, or undefined. */
  async standing(ref: Cid): Promise<OrderStanding | undefined> {
    const [row] = await this.#node.database.query<StandingRow>(
      `SELECT o.record, p.extension AS answer, p.error AS plugin_error,
         CASE WHEN p.extension IS NULL THEN (SELECT bytes FROM statements WHERE order_ref = o.ref AND cid = o.ref) END AS request,
         (SELECT json_agg(json_build_object('party', d.party, 'role', d.role, 'lastError', d.last_error) ORDER BY e.seq, d.party)
          FROM deliveries d JOIN envelopes e ON e.cid = d.envelope WHERE d.order_ref = o.ref AND d.state = 'owed') AS owed
       FROM orders o LEFT JOIN plugin_answers p ON p.order_ref = o.ref WHERE o.ref = $1`,
      [ref],
    );
    if (row === undefined) return undefined;
    return {
      order: this.shape.decode(new Uint8Array(row.record)),
      extension: row.answer === null ? readRequest(row.request).extension : readAnswer(row.answer),
      pluginError: row.plugin_error,
      owed: row.owed ?? [],
    };
  }

  /** An order with all that a view of it shows, or undefined. */
  async view(ref: Cid): Promise<OrderDetails | undefined> {
    const [row] = await this.#node.database.query<DetailsRow>(
      `SELECT o.record, s.bytes AS request, p.extension AS answer, p.error AS plugin_error,
         (SELECT json_agg(json_build_object('party', d.party, 'role', d.role, 'verb', d.verb, 'state', d.state,
            'lastError', d.last_error) ORDER BY e.seq, d.party)
          FROM deliveries d JOIN envelopes e ON e.cid = d.envelope WHERE d.order_ref = o.ref) AS deliveries,
         (SELECT json_agg(json_build_object('cid', cid, 'published', published_at IS NOT NULL) ORDER BY seq)
          FROM envelopes WHERE order_ref = o.ref) AS envelopes,
         (SELECT json_agg(json_build_object('at', at, 'event', kind) ORDER BY id)
          FROM events WHERE order_ref = o.ref) AS timeline
       FROM orders o JOIN statements s ON s.order_ref = o.ref AND s.cid = o.ref
         LEFT JOIN plugin_answers p ON p.order_ref = o.ref WHERE o.ref = $1`,
      [ref],
    );
    if (row === undefined) return undefined;
    const { plugin, extension } = readRequest(row.request);
    return {
      order: this.shape.decode(new Uint8Array(row.record)),
      plugin,
      extension: row.answer === null ? extension : readAnswer(row.answer),
      pluginError: row.plugin_error,
      deliveries: row.deliveries ?? [],
      envelopes: row.envelopes ?? [],
      timeline: row.timeline ?? [],
    };
  }
}

/** How far an order is. */
export interface OrderStanding {
  readonly order: PrincipalOrder;
  /** what the plugin answered, or what the Request says */
  readonly extension: Record<string, unknown>;
  readonly pluginError: string | null;
  /** deliveries that nobody has answered yet, in the order in which they were made */
  readonly owed: readonly Pick<DeliveryState, 'party' | 'role' | 'lastError'>[];
}

/** An order, what it asked, and all that became of it. */
export interface OrderDetails extends Omit<OrderStanding, 'owed'> {
  readonly plugin: string;
  /** in the order in which they were made */
  readonly deliveries: readonly DeliveryState[];
  readonly envelopes: { cid: Cid; published: boolean }[];
  readonly timeline: { at: number; event: string }[];
}

/** A delivery without its bytes. */
export interface DeliveryState {
  readonly party: Cid;
  readonly role: Delivery['role'];
  readonly verb: string;
  readonly state: Delivery['state'];
  readonly lastError: string | null;
}

interface StandingRow {
  record: Buffer;
  /** null where there is an answer */
  request: Buffer | null;
  answer: Buffer | null;
  plugin_error: string | null;
  owed: OrderStanding['owed'] | null;
}

interface DetailsRow extends Omit<StandingRow, 'owed'> {
  deliveries: DeliveryState[] | null;
  envelopes: OrderDetails['envelopes'] | null;
  timeline: OrderDetails['timeline'] | null;
}

/** The body of a Request that this role wrote itself; an order's row is never without one. */
function readRequest(bytes: Buffer | null) {
  return parseStatement([requestStatement], new Uint8Array(bytes ?? [])).body;
}

/** An answer that this role wrote itself. */
function readAnswer(bytes: Buffer): Record<string, unknown> {
  return decodeDocument(fields.extension, new Uint8Array(bytes), INTERNAL_CALL_MAX_BYTES, NO_ITEM_LIMITS);
}
