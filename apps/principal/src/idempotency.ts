import { encodeCanonical, NO_ITEM_LIMITS, type Cid } from '@dta/codec';
import { timingSafeEqual } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import type { NewIdempotency, Node } from '@dta/node';

/** Whose keys they are: all that have a token of this node, so that a key is known after its token was replaced. */
const TENANT = 'node';

/** A client's key for one request and what it asked, before it has an order. */
export type IdempotencyRow = Omit<NewIdempotency, 'mac'>;

/**
 * Remembers which order a client's `Idempotency-Key` made. The key and what it asked are kept as keyed hashes: a plain one
 * would let a party that reads the row guess them.
 */
export class Idempotency {
  readonly #node: Node;

  constructor(node: Node) {
    this.#node = node;
  }

  /** The row for `key` and what it asks; null without a key. */
  row(call: string, key: string | null, asked: unknown): IdempotencyRow | null {
    if (key === null) return null;
    const { rowMac } = this.#node;
    const tenant = `${TENANT}.${call}`;
    return {
      tenant,
      key: rowMac.of('idempotency-key', [tenant, key]),
      asked: rowMac.of('idempotency-asked', [tenant, key, encodeCanonical(asked, NO_ITEM_LIMITS)]),
    };
  }

  /** The same, of the order that it made. */
  bound(row: IdempotencyRow, ref: Cid): NewIdempotency {
    return { ...row, mac: this.#node.rowMac.of('idempotency', fieldsOf(row, ref)) };
  }

  /**
   * The order that this key made before, or null.
   *
   * @throws `idempotency_conflict` where it was used for something else; `record_invalid` where the row names another order
   */
  async find({ tenant, key, asked }: IdempotencyRow): Promise<Cid | null> {
    const rows: { asked: Buffer; order_ref: Cid; mac: Buffer }[] = await this.#node.database.query(
      'SELECT asked, order_ref, mac FROM idempotency WHERE tenant = $1 AND key = $2',
      [tenant, Buffer.from(key)],
    );
    const [row] = rows;
    if (row === undefined) return null;
    const before = new Uint8Array(row.asked);
    const fields = fieldsOf({ tenant, key, asked: before }, row.order_ref);
    this.#node.rowMac.assert(row.mac, 'idempotency', fields, row.order_ref);
    if (!timingSafeEqual(before, asked)) {
      throw new DtaError('idempotency_conflict', 'this Idempotency-Key was used for another request');
    }
    return row.order_ref;
  }
}

function fieldsOf({ tenant, key, asked }: IdempotencyRow, ref: string) {
  return [tenant, key, asked, ref] as const;
}
