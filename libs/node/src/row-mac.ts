import { cidToBytes, encodeCanonical, type Cid } from '@dta/codec';
import { timingSafeEqual, wipe } from '@dta/crypto';
import { DtaError, isDtaError } from '@dta/errors';
import type { Role } from '@dta/identity';
import type { Logger } from '@dta/service';
import { LRUCache } from 'lru-cache';
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { Sql } from './database.js';
import type { SecretStore } from './secret-store.js';

const KEY = { what: 'record-key', request: null, epoch: 0, transcript: null, index: null } as const;

/** An order that is asked for again and again is told of once in this time. */
const TELL_EVERY_MS = 60_000;
const TOLD_MAX = 1_000;

/** Which kind of row, so that none passes for another. */
export type RowKind = 'order' | 'plugin-answer' | 'idempotency' | 'idempotency-key' | 'idempotency-asked';

/** Of a row, what its MAC is over. A number goes as its decimal text: a database may hold one that is no safe integer. */
export type RowFields = readonly (string | Uint8Array | null)[];

/**
 * Authenticates rows of this node's database, each in its place: HMAC-SHA256 under a key that custody seals, over the node's
 * chain, its role, the kind of row and its fields. A party that writes the database can put an older row back, but can't
 * make one or move one to another order (docs/protocol.md §6, "Authenticated rows").
 */
export class RowMac {
  readonly #key: KeyObject;
  readonly #node: readonly [Uint8Array, Role];
  readonly #log: Logger;
  readonly #told = new LRUCache<string, true>({ max: TOLD_MAX, ttl: TELL_EVERY_MS });

  /** @param key at least [32]; copied, the caller wipes it */
  constructor(key: Uint8Array, owner: Cid, role: Role, log: Logger) {
    this.#key = createSecretKey(key);
    this.#node = [cidToBytes(owner), role];
    this.#log = log;
  }

  /** The MAC [32] of a row, or the keyed hash of what isn't to be kept in clear. */
  of(kind: RowKind, fields: RowFields): Uint8Array {
    const said = encodeCanonical(['DTA-ROW1', ...this.#node, kind, ...fields]);
    return new Uint8Array(createHmac('sha256', this.#key).update(said).digest());
  }

  /** @throws `record_invalid` unless this node, or a replica of it, made `mac` for just this row */
  assert(mac: Uint8Array | null, kind: RowKind, fields: RowFields, ref: string): void {
    if (mac === null || !timingSafeEqual(new Uint8Array(mac), this.of(kind, fields))) throw this.refusal(kind, ref);
  }

  /** The error of a row of the order `ref` that isn't as this node wrote it, or that is missing: one line in the log a minute. */
  refusal(what: string, ref: string, cause?: unknown): DtaError {
    const orderReference = ref.slice(0, 100); // it may be anything
    const name = `${what} ${orderReference}`;
    if (!this.#told.has(name)) {
      this.#told.set(name, true);
      const [, role] = this.#node;
      this.#log.error(
        { role, orderReference, row: what, code: 'record_invalid' },
        'a row is not as this node wrote it',
      );
    }
    return new DtaError('record_invalid', `the ${what} of this order is not as this node wrote it`, {
      ...{ metadata: { orderReference }, cause },
    });
  }
}

/**
 * Opens the key that the rows of this node are authenticated with. All replicas have one: the first makes it, in a database
 * that has no order yet, or none that wasn't given up.
 *
 * @throws `start_failed` where there are orders and no key; `custody_unavailable`, `custody_invalid`, `service_unavailable`
 */
export async function openRowMac(
  sql: Sql,
  secrets: SecretStore,
  { owner, role, log }: { readonly owner: Cid; readonly role: Role; readonly log: Logger },
): Promise<RowMac> {
  const key = (await findKey(secrets)) ?? (await makeKey(sql, secrets));
  try {
    return new RowMac(key, owner, role, log);
  } finally {
    wipe(key);
  }
}

async function findKey(secrets: SecretStore): Promise<Uint8Array | undefined> {
  try {
    return await secrets.opener(null)(KEY);
  } catch (error) {
    if (isDtaError(error, 'order_state_conflict')) return undefined;
    throw error;
  }
}

/**
 * A new key never takes the place of one that is gone: the orders that there are would all be unreadable, and look lost. Orders
 * that the operator has given up have no MAC.
 */
async function makeKey(sql: Sql, secrets: SecretStore): Promise<Uint8Array> {
  const made = await secrets.seal({ name: KEY, value: await secrets.seed() });
  await sql.query(
    `INSERT INTO secrets (order_ref, what, epoch, key, sealed)
     SELECT NULL, $1, 0, $2, $3 WHERE NOT EXISTS (SELECT FROM orders WHERE mac <> '') ON CONFLICT DO NOTHING`, // of several replicas the first wins
    [KEY.what, made.key, Buffer.from(made.sealed)],
  );
  const key = await findKey(secrets);
  if (key !== undefined) return key;
  throw new DtaError(
    'start_failed',
    'the database has orders, but the key that authenticates them (record-key, in the table secrets) is gone: restore that row from a backup; where it is lost for good, see docs/operations.md, HSM',
  );
}
