import type { Cid } from '@dta/codec';
import { isDtaError } from '@dta/errors';
import type { OrderRow } from './commit.js';
import type { Sql } from './database.js';
import { Gathered } from './gathered.js';
import type { RowFields, RowMac } from './row-mac.js';

const PAGE = 100;

/** How a role's order becomes a row and an order again. */
export interface OrderShape<O> {
  encode(order: O): Omit<OrderRow, 'version' | 'mac'>;
  /** @throws as {@link RecordFormat.decode} */
  decode(record: Uint8Array): O;
}

/** A row of `orders` as pg reads it, before anything of it is believed. */
export interface StoredOrder {
  ref: string;
  version: number;
  state: string;
  beneficiary: string | null;
  created_at: string;
  due_at: string | null;
  record: Buffer;
  mac: Buffer;
}

/** The columns of a {@link StoredOrder}, of the table or alias `of`. */
export const orderColumns = (of: string): string =>
  ['ref', 'version', 'state', 'beneficiary', 'created_at', 'due_at', 'record', 'mac']
    .map((column) => `${of}.${column}`)
    .join(', ');

/** An order as it was read: its version guards the next write. */
export interface Versioned<O> {
  readonly order: O;
  readonly version: number;
}

/** What an order table is made of. */
export interface OrderTableParts {
  readonly database: Sql;
  readonly rowMac: RowMac;
}

/**
 * Reads a role's orders and their statements. Each row is authenticated, and nothing of one that isn't as this node wrote it
 * is believed: {@link OrderTable.read} is where every reading goes through.
 */
export class OrderTable<O> {
  readonly #sql: Sql;
  readonly #rowMac: RowMac;
  readonly #shape: OrderShape<O>;
  readonly #stored: Gathered<Cid, StoredOrder | undefined>;

  constructor({ database, rowMac }: OrderTableParts, shape: OrderShape<O>) {
    this.#sql = database;
    this.#stored = new Gathered((refs) => storedOrders(database, refs));
    this.#rowMac = rowMac;
    this.#shape = shape;
  }

  /** The row to write for `order`, which was read at `version`; null for a new one. */
  row(order: O, version: number | null): OrderRow {
    const row = this.#shape.encode(order);
    const { ref, state, beneficiary, createdAt, dueAt, record } = row;
    const fields = [ref, String((version ?? 0) + 1), state, beneficiary, String(createdAt), textOf(dueAt), record];
    return { ...row, version, mac: this.#rowMac.of('order', fields) };
  }

  /**
   * The order in a row.
   *
   * @throws `record_invalid` where the row isn't as this node wrote it; `busy` where a newer version of it did, see {@link RecordFormat}
   */
  read(stored: StoredOrder): Versioned<O> {
    const { ref, version, state, beneficiary, created_at, due_at, record, mac } = stored;
    const bytes = new Uint8Array(record);
    const fields: RowFields = [ref, String(version), state, beneficiary, created_at, due_at, bytes];
    this.#rowMac.assert(mac, 'order', fields, ref);
    try {
      return { version, order: this.#shape.decode(bytes) };
    } catch (cause) {
      if (isDtaError(cause, 'busy')) throw cause;
      throw this.#rowMac.refusal('order', ref, cause); // written by an older version than this one reads
    }
  }

  /** The order of that reference, or undefined. @throws `record_invalid`, `busy` as {@link OrderTable.read} */
  async find(ref: Cid): Promise<Versioned<O> | undefined> {
    const stored = await this.#stored.ask(ref);
    return stored && this.read(stored);
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

function textOf(ms: number | null): string | null {
  return ms === null ? null : String(ms);
}

async function storedOrders(sql: Sql, refs: readonly Cid[]): Promise<(StoredOrder | undefined)[]> {
  const rows: StoredOrder[] = await sql.query(`SELECT ${orderColumns('o')} FROM orders o WHERE o.ref = ANY($1)`, [
    refs,
  ]);
  const byRef = new Map(rows.map((row) => [row.ref, row]));
  return refs.map((ref) => byRef.get(ref));
}
