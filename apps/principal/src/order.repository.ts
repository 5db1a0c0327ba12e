import { decodeDocument, encodeDocument, fields, type Cid } from '@dta/codec';
import type { OrderSummary } from '@dta/contracts';
import { OrderTable, type Node } from '@dta/node';
import { principalDueAt, type PrincipalOrder } from '@dta/order';
import { z } from 'zod';

const MAX_RECORD_BYTES = 64 * 1024;

const record = z.strictObject({
  ref: fields.cid,
  state: z.enum([
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
  ]),
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
  async list({ page, perPage, newestFirst, state, beneficiary }: ListQuery): Promise<{ orders: OrderSummary[]; total: number }> {
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

  /** The order's timeline. */
  async timeline(ref: Cid): Promise<{ at: number; event: string }[]> {
    const rows: { at: string; kind: string }[] = await this.#node.database.query(
      'SELECT at, kind FROM events WHERE order_ref = $1 ORDER BY id',
      [ref],
    );
    return rows.map(({ at, kind }) => ({ at: Number(at), event: kind }));
  }

  /** What this node sent for the order. */
  async envelopes(ref: Cid): Promise<{ cid: Cid; published: boolean }[]> {
    return this.#node.database.query(
      'SELECT cid, published_at IS NOT NULL AS published FROM envelopes WHERE order_ref = $1 ORDER BY seq',
      [ref],
    );
  }
}
