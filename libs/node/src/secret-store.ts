import { concat, type Cid } from '@dta/codec';
import { randomBytes, wipe } from '@dta/crypto';
import { keyPeriod, periodKey, type Custody, type KeyName } from '@dta/custody';
import { DtaError, isDtaError } from '@dta/errors';
import type { Role } from '@dta/identity';
import { secretContext, type NewSecret, type OpenSecret, type SecretName } from '@dta/order';
import { assertAwake, begin } from './begun.js';
import { wallClock } from './clock.js';
import type { Sql } from './database.js';

/** A secret sealed by custody, ready to be written. */
export interface SealedSecret {
  readonly name: SecretName;
  readonly key: string;
  readonly sealed: Uint8Array;
}

/** What {@link SecretStore.endPastPeriods} did. */
export interface EndedPeriods {
  readonly destroyed: readonly KeyName[];
  /** keys whose period is over, with a row that does not open */
  readonly kept: readonly KeyName[];
}

/** A secret sealed as a period ended may be written a little later, and replicas' clocks differ. */
const SETTLING_MS = 10 * 60_000;

const SECRET_COLUMNS = 'order_ref, what, epoch, transcript, index, key, sealed';

interface SecretRow {
  order_ref: Cid | null;
  what: SecretName['what'];
  epoch: number;
  transcript: Buffer | null;
  index: number | null;
  key: string;
  sealed: Buffer;
}

/** Seals and opens a role's secrets; what it seals is written by `commit`. */
export class SecretStore {
  readonly #sql: Sql;
  readonly #custody: Custody;
  readonly #owner: Cid;
  readonly #role: Role;
  readonly #now: () => number;
  readonly #keys: RoleKeys;

  constructor(sql: Sql, custody: Custody, owner: Cid, role: Role, now: () => number = wallClock) {
    this.#sql = sql;
    this.#custody = custody;
    this.#owner = owner;
    this.#role = role;
    this.#now = now;
    this.#keys = new RoleKeys(owner, role);
  }

  /** [64] for one step: custody's random [32] ‖ the system's [32]. */
  async seed(): Promise<Uint8Array> {
    const [own, system] = [await this.#custody.random(32), randomBytes(32)];
    const seed = concat(own, system);
    wipe(own, system);
    return seed;
  }

  /** Seals under the key of the present period, or the one that has no end, and wipes the value. */
  async seal(secret: NewSecret): Promise<SealedSecret> {
    const key = this.#keys.of(secret.name, this.#now());
    try {
      const sealed = await this.#custody.seal(key, this.#context(secret.name), secret.value);
      return { name: secret.name, key, sealed };
    } finally {
      wipe(secret.value);
    }
  }

  /** Opens secrets of one order. @throws `order_state_conflict` where there is none, `custody_invalid` for a moved row */
  opener(request: Cid | null): OpenSecret {
    return async ({ what, epoch, transcript, index }) => {
      const rows: SecretRow[] = await this.#sql.query(
        `SELECT ${SECRET_COLUMNS} FROM secrets WHERE order_ref IS NOT DISTINCT FROM $1 AND what = $2 AND epoch = $3
         AND transcript IS NOT DISTINCT FROM $4 AND index IS NOT DISTINCT FROM $5`,
        [request, what, epoch, transcript === null ? null : Buffer.from(transcript), index],
      );
      const [row] = rows;
      if (row === undefined) {
        throw new DtaError('order_state_conflict', `this node holds no such ${what}`, { metadata: { order: request } });
      }
      return this.#open(row);
    };
  }

  #open(row: SecretRow): Promise<Uint8Array> {
    return this.#custody.open(row.key, this.#context(nameOf(row)), new Uint8Array(row.sealed));
  }

  #context(name: SecretName): Uint8Array {
    return secretContext(this.#owner, this.#role, name);
  }

  /**
   * Ends past key periods: what still lives under an older key is sealed again under the present one, then the older
   * key is destroyed, so that erased rows are gone from backups too (docs/protocol.md §7). A key with a row that does not
   * open is kept: better a key that lives too long than a share lost.
   *
   * @throws `custody_unavailable`, `service_unavailable`; `write_conflict` where the process slept: the rest is for the next time
   */
  async endPastPeriods(): Promise<EndedPeriods> {
    const now = this.#now();
    const ended: { destroyed: KeyName[]; kept: KeyName[] } = { destroyed: [], kept: [] };
    for (const key of await this.#custody.keys()) {
      const period = this.#keys.periodOf(key);
      if (period === undefined || period >= keyPeriod(now - SETTLING_MS)) continue;
      const isEmpty = await this.#resealAll(key, now);
      if (isEmpty) await this.#custody.destroy(key);
      (isEmpty ? ended.destroyed : ended.kept).push(key);
    }
    return ended;
  }

  /** Whether no row is left under `key`. */
  async #resealAll(key: KeyName, now: number): Promise<boolean> {
    const unreadable: Buffer[] = [];
    for (;;) {
      const rows: SecretRow[] = await this.#sql.query(
        `SELECT ${SECRET_COLUMNS} FROM secrets WHERE key = $1 AND sealed <> ALL ($2::bytea[]) LIMIT 100`,
        [key, unreadable],
      );
      if (rows.length === 0) return unreadable.length === 0;
      for (const row of rows) {
        try {
          await this.#reseal(row, this.#keys.of(nameOf(row), now));
        } catch (error) {
          if (!isDtaError(error, 'custody_invalid')) throw error;
          unreadable.push(row.sealed); // altered or moved in the database: the others go on
        }
      }
    }
  }

  async #reseal(row: SecretRow, key: KeyName): Promise<void> {
    const begun = begin(this.#now());
    const value = await this.#open(row);
    const sealed = await this.#custody.seal(key, this.#context(nameOf(row)), value).finally(() => wipe(value));
    assertAwake(begun, this.#now()); // another replica may have ended that period too, having found no row under its key
    await this.#sql.query('UPDATE secrets SET key = $1, sealed = $2 WHERE key = $3 AND sealed = $4', [
      key,
      Buffer.from(sealed),
      row.key,
      row.sealed,
    ]);
  }
}

function nameOf({ order_ref, what, epoch, transcript, index }: SecretRow): SecretName {
  return { what, request: order_ref, epoch, transcript: transcript && new Uint8Array(transcript), index };
}

/**
 * Names of the keys that one role of one node seals with. They are its own alone: roles may share a custody, and who ends
 * a period knows no rows but its own.
 */
class RoleKeys {
  readonly #prefix: string;

  constructor(owner: Cid, role: Role) {
    this.#prefix = `${role}-${owner.slice(-8)}-`; // a CID's text has the letters that a key's name may have
  }

  /**
   * The key that a secret is sealed under at `now`. What authenticates rows is never to be erased: under a key of a period, no
   * row of an earlier week's backup could be read.
   */
  of({ what }: SecretName, now: number): KeyName {
    return this.#prefix + (what === 'record-key' ? 'records' : periodKey(keyPeriod(now)));
  }

  /** undefined for a key of another role, another node or another kind */
  periodOf(key: KeyName): number | undefined {
    const [, period] = /^period-(\d+)$/.exec(key.startsWith(this.#prefix) ? key.slice(this.#prefix.length) : '') ?? [];
    return period === undefined ? undefined : Number(period);
  }
}
