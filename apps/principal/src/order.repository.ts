import { cidOf, decodeDocument, fields, NO_ITEM_LIMITS, parseCid, type Cid } from '@dta/codec';
import {
  EVENTS_PER_CALL_MAX,
  INTERNAL_CALL_MAX_BYTES,
  orderStateSchema,
  type OrderEvent,
  type OrderPlace,
  type OrderSummary,
} from '@dta/contracts';
import { isDtaError } from '@dta/errors';
import { parseStatement } from '@dta/identity';
import { orderColumns, OrderTable, recordFormat, type Delivery, type Node, type StoredOrder } from '@dta/node';
import { pointSchema, principalDueAt, requestStatement, type PrincipalOrder } from '@dta/order';
import { z } from 'zod';
import { assertPluginAnswer, type StoredAnswer } from './plugin-answers.js';

const record = z.strictObject({
  ref: fields.cid,
  state: orderStateSchema,
  createdAt: fields.ms,
  setupBy: fields.ms,
  keepUntil: fields.ms.nullable(),
  beneficiary: fields.cid,
  fiduciaries: z.array(fields.cid),
  threshold: fields.index,
  forward: fields.cid.nullable(),
  manifest: fields.cid.nullable(),
  certificate: fields.cid.nullable(),
  commitment: pointSchema.nullable(),
  redemption: fields.cid.nullable(),
  redemptionExpiresAt: fields.ms.nullable(),
  failure: z
    .strictObject({
      reason: z.string(),
      owing: z.array(z.strictObject({ party: fields.cid, lastError: z.string().nullable() })),
    })
    .nullable(),
});
/** A field more, less or other: the next `v`, read beside this one (docs/adr/0028). */
const format = recordFormat(1, record);

/** Which orders a list shows. */
export interface ListQuery {
  /** only orders beyond this place; null: from the beginning of the list */
  readonly after: OrderPlace | null;
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
    super(node, {
      encode: (order) => ({
        ref: order.ref,
        state: order.state,
        beneficiary: order.beneficiary,
        createdAt: order.createdAt,
        dueAt: principalDueAt(order),
        record: format.encode({
          ...order,
          fiduciaries: [...order.fiduciaries],
          failure: order.failure && { ...order.failure, owing: order.failure.owing.map((owed) => ({ ...owed })) },
        }),
      }),
      decode: format.decode,
    });
    this.#node = node;
  }

  /** How far the order is, or undefined. @throws `record_invalid`, `busy` as {@link OrderTable.read} */
  async state(ref: Cid): Promise<PrincipalOrder['state'] | undefined> {
    return (await this.find(ref))?.order.state;
  }

  /**
   * One page of orders, those on it whose rows aren't as this node wrote them, how many there are in all, and where the list
   * goes on, or null at its end.
   */
  async list({
    after,
    page,
    perPage,
    newestFirst,
    state,
    beneficiary,
  }: ListQuery): Promise<{ orders: OrderSummary[]; unreadable: Cid[]; total: number; next: OrderPlace | null }> {
    const where = '($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR beneficiary = $2)';
    const direction = newestFirst ? 'DESC' : 'ASC';
    const beyond = after === null ? '' : `AND (created_at, ref) ${newestFirst ? '<' : '>'} ($5, $6)`;
    const found: StoredOrder[] = await this.#node.database.query(
      `SELECT ${orderColumns('o')} FROM orders o WHERE ${where} ${beyond}
       ORDER BY created_at ${direction}, ref ${direction} LIMIT $3 OFFSET $4`,
      [state, beneficiary, perPage + 1, page * perPage, ...(after === null ? [] : [after.createdAt, after.ref])],
    );
    const rows = found.slice(0, perPage);
    const last = found.length > perPage ? rows.at(-1) : undefined;
    const counted: { total: string }[] = await this.#node.database.query(
      `SELECT count(*) AS total FROM orders WHERE ${where}`,
      [state, beneficiary],
    );
    const read = rows.map((row) => this.#summaryOf(row));
    return {
      orders: read.flatMap((order) => order ?? []),
      unreadable: rows.filter((_, at) => read[at] === null).flatMap(({ ref }) => cidIn(ref)),
      total: Number(counted[0]?.total ?? 0),
      next: last === undefined ? null : placeOf(last),
    };
  }

  /** What a list shows of a row, or null where it isn't as this node wrote it: of a page the others are shown. */
  #summaryOf(row: StoredOrder): OrderSummary | null {
    try {
      const { order } = this.read(row);
      return {
        orderReference: order.ref,
        state: order.state,
        commitment: order.commitment,
        createdAt: order.createdAt,
        beneficiary: order.beneficiary,
        threshold: order.threshold,
        fiduciaries: order.fiduciaries.length,
      };
    } catch (error) {
      if (isDtaError(error, 'record_invalid')) return null;
      if (isDtaError(error, 'busy')) return newerSummary(row);
      throw error;
    }
  }

  /**
   * The order's state and its events after one of them, oldest first, as many as one call tells of; or undefined.
   *
   * @throws `record_invalid`, `busy` as {@link OrderTable.read}
   */
  async events(ref: Cid, after: number): Promise<{ state: string; events: OrderEvent[] } | undefined> {
    const [row] = await this.#node.database.query<StoredOrder & { events: OrderEvent[] | null }>(
      `SELECT ${orderColumns('o')},
         (SELECT json_agg(json_build_object('id', e.id, 'at', e.at, 'event', e.kind) ORDER BY e.id)
          FROM (SELECT id, at, kind FROM events WHERE order_ref = o.ref AND id > $2 ORDER BY id LIMIT $3) AS e) AS events
       FROM orders o WHERE o.ref = $1`,
      [ref, after, EVENTS_PER_CALL_MAX],
    );
    return row && { state: this.read(row).order.state, events: row.events ?? [] };
  }

  /** How far an order is and whom it waits for, or undefined. @throws `record_invalid`, `busy` as {@link OrderTable.read} */
  async standing(ref: Cid): Promise<OrderStanding | undefined> {
    const [row] = await this.#node.database.query<StandingRow>(
      `SELECT ${orderColumns('o')}, ${answerColumns},
         CASE WHEN p.extension IS NULL THEN (SELECT bytes FROM statements WHERE order_ref = o.ref AND cid = o.ref) END AS request,
         (SELECT json_agg(json_build_object('party', d.party, 'role', d.role, 'lastError', d.last_error) ORDER BY e.seq, d.party)
          FROM deliveries d JOIN envelopes e ON e.cid = d.envelope WHERE d.order_ref = o.ref AND d.state = 'owed') AS owed
       FROM orders o LEFT JOIN plugin_answers p ON p.order_ref = o.ref WHERE o.ref = $1`,
      [ref],
    );
    if (row === undefined) return undefined;
    const { order } = this.read(row);
    return { order, ...this.#answer(order, row), owed: row.owed ?? [] };
  }

  /** An order with all that a view of it shows, or undefined. @throws `record_invalid`, `busy` as {@link OrderTable.read} */
  async view(ref: Cid): Promise<OrderDetails | undefined> {
    const [row] = await this.#node.database.query<DetailsRow>(
      `SELECT ${orderColumns('o')}, s.bytes AS request, ${answerColumns},
         (SELECT json_agg(json_build_object('party', d.party, 'role', d.role, 'verb', d.verb, 'state', d.state,
            'lastError', d.last_error) ORDER BY e.seq, d.party)
          FROM deliveries d JOIN envelopes e ON e.cid = d.envelope WHERE d.order_ref = o.ref) AS deliveries,
         (SELECT json_agg(json_build_object('cid', cid, 'published', published_at IS NOT NULL) ORDER BY seq)
          FROM envelopes WHERE order_ref = o.ref) AS envelopes,
         (SELECT json_agg(json_build_object('at', at, 'event', kind) ORDER BY id)
          FROM events WHERE order_ref = o.ref) AS timeline
       FROM orders o LEFT JOIN statements s ON s.order_ref = o.ref AND s.cid = o.ref
         LEFT JOIN plugin_answers p ON p.order_ref = o.ref WHERE o.ref = $1`,
      [ref],
    );
    if (row === undefined) return undefined;
    const { order } = this.read(row);
    return {
      order,
      plugin: this.#request(order.ref, row.request).plugin,
      ...this.#answer(order, row),
      deliveries: row.deliveries ?? [],
      envelopes: row.envelopes ?? [],
      timeline: row.timeline ?? [],
    };
  }

  /**
   * What an order's plugin answered, or what its Request says. Once there is a key there is an answer, or why there is none:
   * it is made in the transaction that commits the order.
   */
  #answer(
    { ref, commitment }: PrincipalOrder,
    { answer: extension, plugin_error: error, answer_mac: mac, request }: AnsweredRow,
  ): Pick<OrderStanding, 'extension' | 'pluginError'> {
    const { rowMac } = this.#node;
    if (commitment !== null) assertPluginAnswer(rowMac, { ref, commitment, extension, error, mac });
    else if (mac !== null) throw rowMac.refusal('plugin-answer', ref);
    return {
      extension: extension === null ? this.#request(ref, request).extension : readAnswer(extension),
      pluginError: error,
    };
  }

  /** The body of the Request: its CID is the order's reference. @throws `record_invalid` for other bytes */
  #request(ref: Cid, stored: Buffer | null) {
    const bytes = new Uint8Array(stored ?? []);
    if (cidOf(bytes) !== ref) throw this.#node.rowMac.refusal('request', ref);
    return parseStatement([requestStatement], bytes, ref).body;
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

/** Of an order that a newer version wrote: what stands in its columns, which the MAC is over too. */
function newerSummary({ ref, state, created_at, beneficiary }: StoredOrder): OrderSummary | null {
  const [orderReference] = cidIn(ref);
  const [party] = cidIn(beneficiary ?? '');
  if (orderReference === undefined || party === undefined) return null;
  const known = { orderReference, state, createdAt: Number(created_at), beneficiary: party };
  return { ...known, commitment: null, threshold: null, fiduciaries: null };
}

/** Where a list goes on after a row of anyone's making; null after one that no place can name. */
function placeOf({ created_at, ref }: StoredOrder): OrderPlace | null {
  const createdAt = Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number(created_at), Number.MAX_SAFE_INTEGER));
  return ref.length > 128 ? null : { createdAt, ref };
}

/** What a plugin answered, in a query where the alias `p` is its row. */
const answerColumns = 'p.extension AS answer, p.error AS plugin_error, p.mac AS answer_mac';

interface AnsweredRow {
  /** may be null where there is an answer */
  request: Buffer | null;
  answer: Buffer | null;
  plugin_error: StoredAnswer['error'];
  answer_mac: StoredAnswer['mac'];
}

interface StandingRow extends StoredOrder, AnsweredRow {
  owed: OrderStanding['owed'] | null;
}

interface DetailsRow extends Omit<StandingRow, 'owed'> {
  deliveries: DeliveryState[] | null;
  envelopes: OrderDetails['envelopes'] | null;
  timeline: OrderDetails['timeline'] | null;
}

/** Of an altered row not even the reference need be one. */
function cidIn(ref: string): Cid[] {
  try {
    return [parseCid(ref)];
  } catch {
    return [];
  }
}

/** An answer that this role wrote itself. */
function readAnswer(bytes: Buffer): Record<string, unknown> {
  return decodeDocument(fields.extension, new Uint8Array(bytes), INTERNAL_CALL_MAX_BYTES, NO_ITEM_LIMITS);
}
