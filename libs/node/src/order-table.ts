import type { Cid } from '@dta/codec';
import type { OrderRow } from './commit.js';
import type { Sql } from './database.js';

const PAGE = 100;

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

  /** How far the order is, or undefined. */
  async state(ref: Cid): Promise<string | undefined> {
    const rows: { state: string }[] = await this.#sql.query('SELECT state FROM orders WHERE ref = $1', [ref]);
    return rows[0]?.state;
  }

  /** Bytes of the order's statements, in the order in which they came. */
  async statements(ref: Cid): Promise<Uint8Array[]> {
    const rows: { bytes: Buffer }[] = await this.#sql.query(
      'SELECT bytes FROM statements WHERE order_ref = $1 ORDER BY seq',
      [ref],
    );
    return rows.map(({ bytes }) => new Uint8Array(bytes));
  }

  /** Orders that the clock alone may change by `now`, each once; read by pages, since they may be many. */
  async *due(now: number): AsyncGenerator<Cid> {
    let last = { ref: '', due_at: '-1' };
    for (;;) {
      const rows: { ref: Cid; due_at: string }[] = await this.#sql.query(
        `SELECT ref, due_at FROM orders WHERE due_at <= $1 AND (due_at, ref) > ($2::bigint, $3::text)
         ORDER BY due_at, ref LIMIT ${PAGE}`,
        [now, last.due_at, last.ref],
      );
      for (const { ref } of rows) yield ref;
      if (rows.length < PAGE) return;
      last = rows.at(-1) ?? last;
    }
  }
}
