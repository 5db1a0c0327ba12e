import { lockChains, readChainRows } from './chain-rows.js';
import { Chains, type AdmissionLog } from './chains.js';
import type { Database, Sql } from './database.js';

const RELOAD_MS = 1_000;

/**
 * The chains in a role's database, as this process has read them: in the order in which their rows were written, which is
 * the same for all replicas.
 */
export class StoredChains {
  readonly chains: Chains;
  readonly #database: Database;
  #seen = 0n;
  /** by the clock that nothing sets: one that went back would stop reloading for as long */
  #reloadAt = 0;
  #reloading: Promise<void> | undefined;

  constructor(database: Database, log: AdmissionLog) {
    this.chains = new Chains(log);
    this.#database = database;
  }

  /** Reads what was written since. */
  async reload(sql: Sql = this.#database): Promise<void> {
    for (const row of await readChainRows(sql, this.#seen)) {
      if (row.seq <= this.#seen) continue; // another reload was faster
      this.#seen = row.seq;
      this.chains.take(row);
    }
    this.#reloadAt = performance.now() + RELOAD_MS;
  }

  /** Likewise, unless that was done within the last second. */
  async refresh(): Promise<void> {
    if (performance.now() <= this.#reloadAt) return;
    this.#reloading ??= this.reload().finally(() => (this.#reloading = undefined));
    await this.#reloading;
  }

  /** Writes on what all replicas have written until now, then reads it as they do. */
  async write<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const result = await this.#database.transaction(async (sql) => {
      await lockChains(sql);
      await this.reload(sql);
      return work(sql);
    });
    await this.reload();
    return result;
  }
}
