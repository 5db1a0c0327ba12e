import { encodeCanonical, NO_ITEM_LIMITS, toHex, type Cid } from '@dta/codec';
import { timingSafeEqual } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import type { Change, Node } from '@dta/node';
import { createHmac } from 'node:crypto';

const KEY = { what: 'idempotency-key', request: null, epoch: 0, transcript: null, index: null } as const;

/** A client's key for one request, with the keyed hash of what it asked. */
export type IdempotencyRow = NonNullable<Change['idempotency']>;

/**
 * Remembers which order a client's `Idempotency-Key` made. What it asked is kept as an HMAC under a key that custody
 * seals: a plain hash would let whoever reads the row guess what was asked.
 */
export class Idempotency {
  readonly #node: Node;
  #key: Promise<Uint8Array> | undefined;

  constructor(node: Node) {
    this.#node = node;
  }

  /** The row for `key` and what it asks; null without a key. */
  async row(call: string, key: string | null, asked: unknown): Promise<IdempotencyRow | null> {
    if (key === null) return null;
    this.#key ??= this.#openKey().catch((error: unknown) => {
      this.#key = undefined; // the next request tries again
      throw error;
    });
    const mac = createHmac('sha256', await this.#key)
      .update(encodeCanonical(asked, NO_ITEM_LIMITS))
      .digest();
    return { tenant: `${this.#tenant()}.${call}`, key, mac };
  }

  /**
   * The order that this key made before, or null.
   *
   * @throws `idempotency_conflict` where it was used for something else
   */
  async find({ tenant, key, mac }: IdempotencyRow): Promise<Cid | null> {
    const rows: { mac: Buffer; order_ref: Cid }[] = await this.#node.database.query(
      'SELECT mac, order_ref FROM idempotency WHERE tenant = $1 AND key = $2',
      [tenant, key],
    );
    const [row] = rows;
    if (row === undefined) return null;
    if (!timingSafeEqual(new Uint8Array(row.mac), new Uint8Array(mac))) {
      throw new DtaError('idempotency_conflict', 'this Idempotency-Key was used for another request');
    }
    return row.order_ref;
  }

  /** Whose keys they are: one bearer token is one tenant. */
  #tenant(): string {
    const { tokenHash } = this.#node.options;
    return tokenHash === null ? 'standalone' : toHex(tokenHash.subarray(0, 8));
  }

  async #openKey(): Promise<Uint8Array> {
    const { secrets, database } = this.#node;
    const sealed = await secrets.seal({ name: KEY, value: await secrets.seed() }); // of several replicas the first wins
    await database.query(
      `INSERT INTO secrets (order_ref, what, epoch, key, sealed) VALUES (NULL, $1, 0, $2, $3) ON CONFLICT DO NOTHING`,
      [KEY.what, sealed.key, Buffer.from(sealed.sealed)],
    );
    return secrets.opener(null)(KEY);
  }
}
