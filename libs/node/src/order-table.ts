import type { Cid } from '@dta/codec';
import type { OrderRow } from './commit.js';
import type { Sql } from './database.js';

/** How a role's order becomes a row and an order again. */
export interface OrderShape<O> {
  encode(order: O): Omit<OrderRow, 'version'>;
  decode(record: Uint8Array): O;
}

/** An order as it was read: its version guards the next write. */
export interface Versioned<O> {
  readonly order: O;
  readonly version: number;
}

/** Reads a role's orders and their statements. */
export class OrderTable<O> {
  readonly #sql: Sql;
  readonly shape: OrderShape<O>;

  constructor(sql: Sql, shape: OrderShape<O>) {
    this.#sql = sql;
    this.shape = shape;
  }

  /** The order of that reference, or undefined. */
  async find(ref: Cid): Promise<Versioned<O> | undefined> {
    const rows: { version: number; record: Buffer }[] = await this.#sql.query(
      'SELECT version, record FROM orders WHERE ref = $1',
      [ref],
    );
    return rows.map(({ version, record }) => ({ version, order: this.shape.decode(new Uint8Array(record)) }))[0];
  }

  /** Bytes of the order's statements, in the order in which they came. */
  async statements(ref: Cid): Promise<Uint8Array[]> {
    const rows: { bytes: Buffer }[] = await this.#sql.query(
      'SELECT bytes FROM statements WHERE order_ref = $1 ORDER BY seq',
      [ref],
    );
    return rows.map(({ bytes }) => new Uint8Array(bytes));
  }

  /** Orders that the clock alone may change by `now`, at most `limit`. */
  async due(now: number, limit: number): Promise<Cid[]> {
    const rows: { ref: Cid }[] = await this.#sql.query(
      'SELECT ref FROM orders WHERE due_at <= $1 ORDER BY due_at LIMIT $2',
      [now, limit],
    );
    return rows.map(({ ref }) => ref);
  }
}
