import { SQL_LOCK_TIMEOUT_MS, SQL_SILENCE_TIMEOUT_MS, SQL_STATEMENT_TIMEOUT_MS } from '@dta/contracts';
import { DtaError, isDtaError } from '@dta/errors';
import type pg from 'pg';
import { DataSource } from 'typeorm';
import { Initial1 } from './migrations/1-initial.js';
import { Publication2 } from './migrations/2-publication.js';
import { Times3 } from './migrations/3-times.js';
import { Announcements4 } from './migrations/4-announcements.js';
import { PluginAnswers5 } from './migrations/5-plugin-answers.js';
import { AuthenticatedRecords6 } from './migrations/6-authenticated-records.js';
import { ChainEvidence7 } from './migrations/7-chain-evidence.js';
import { Clock8 } from './migrations/8-clock.js';
import { Releases9 } from './migrations/9-releases.js';

/** How a role reaches its database. */
export interface DatabaseOptions {
  /** postgres://user:password@host:port/database */
  readonly url: string;
  readonly poolSize: number;
  /** every statement is refused that would write; false by default */
  readonly readOnly?: boolean;
}

const migrations = [
  ...[Initial1, Publication2, Times3, Announcements4, PluginAnswers5],
  ...[AuthenticatedRecords6, ChainEvidence7, Clock8, Releases9],
];

/** What a role waits for at most: a machine that vanished closes no connection. A migration may take its time. */
const limits = {
  statement_timeout: SQL_STATEMENT_TIMEOUT_MS,
  lock_timeout: SQL_LOCK_TIMEOUT_MS,
  query_timeout: SQL_SILENCE_TIMEOUT_MS,
};

function dataSource({ url, poolSize, readOnly = false }: DatabaseOptions, limited: Partial<typeof limits>): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    poolSize,
    migrations,
    migrationsTableName: 'migrations',
    logging: false,
    extra: {
      ...limited,
      connectionTimeoutMillis: SQL_STATEMENT_TIMEOUT_MS,
      keepAlive: true,
      application_name: 'dta',
      ...(readOnly && { options: '-c default_transaction_read_only=on' }),
    },
  });
}

/**
 * A role's database. Each statement is a transaction of its own, prepared once a connection: a step of an order is written
 * by one statement (docs/adr/0001).
 */
export class Database {
  readonly #source: DataSource;
  readonly #pool: pg.Pool;
  readonly #statements = new Map<string, { name: string; text: string }>();

  constructor(source: DataSource) {
    this.#source = source;
    this.#pool = (source.driver as unknown as { master: pg.Pool }).master; // TypeORM's pool; its type is `any` there
  }

  /**
   * Runs one statement. Texts are prepared under a name of their own, so they are written in the code, never made of
   * values.
   *
   * @throws `service_unavailable` where there is no connection, or the server can't do it now; pg's `DatabaseError` for
   * what the statement met
   */
  query<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return this.#run(this.#pool, text, values);
  }

  async #run<Row>(on: pg.Pool | pg.PoolClient, text: string, values: readonly unknown[]): Promise<Row[]> {
    const statement = this.#statements.get(text) ?? { name: `dta_${this.#statements.size + 1}`, text };
    this.#statements.set(text, statement);
    const attempt = () => on.query<Row & pg.QueryResultRow>({ ...statement, values: [...values] });
    const { rows } = await orAway(on === this.#pool ? this.#onFreshPlan(attempt) : attempt());
    return rows;
  }

  /** Tries again where a plan is outdated: nothing was run, and the pool drops a connection whose statement failed. */
  async #onFreshPlan<T>(attempt: () => Promise<T>): Promise<T> {
    for (let left = this.#pool.options.max; ; left--) {
      try {
        return await attempt();
      } catch (error) {
        if (left <= 0 || !isPlanOutdated(error)) throw error;
      }
    }
  }

  /**
   * Runs several statements in one transaction, which leaves nothing where `work` throws. For what is written seldom, and
   * only on what nobody else changes meanwhile: all else is one statement.
   *
   * @throws what `work` throws, and as {@link query}
   */
  async transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const client = await orAway(this.#pool.connect());
    const sql: Sql = { query: (text, values = []) => this.#run(client, text, values) };
    let broken = true; // until the server has said that the transaction is over
    try {
      await sql.query('BEGIN');
      const result = await work(sql);
      await sql.query('COMMIT');
      broken = false;
      return result;
    } catch (error) {
      const isOutdated = isDtaError(error) && isPlanOutdated(error.cause); // another transaction would meet it again
      broken = await sql.query('ROLLBACK').then(
        () => isOutdated,
        () => true,
      );
      throw error;
    } finally {
      client.release(broken);
    }
  }

  /**
   * Whether a step could be written now: writes a row and removes it, and has the server put half a MiB on its disk for a
   * moment (rows that don't fit its memory), since one row alone may find room in the files of a full disk.
   *
   * @throws `service_unavailable`: no connection, a server or a role that may only read, no room on the disk
   */
  async assertWritable(): Promise<void> {
    try {
      await this.#pool.query(WRITE_PROBE);
    } catch (cause) {
      if (sqlState(cause) === TEMPORARY_FILES_LIMITED) return; // the server's own limit, which no step meets
      throw unavailable(cause, sqlState(cause));
    }
  }

  /** The pool's connections, and how many statements wait for one. */
  get pool(): { readonly open: number; readonly idle: number; readonly waiting: number } {
    const { totalCount, idleCount, waitingCount } = this.#pool;
    return { open: totalCount, idle: idleCount, waiting: waitingCount };
  }

  async close(): Promise<void> {
    await this.#source.destroy();
  }
}

/** One message of several statements, which the server runs as one transaction. A call's id has 16 bytes, this one none. */
const WRITE_PROBE = `
  SET LOCAL work_mem = '64kB';
  INSERT INTO internal_calls (id) VALUES ('');
  DELETE FROM internal_calls WHERE id = '';
  SELECT count(*) FROM unnest(array_fill(repeat('x', 8191), ARRAY[64]))`;
const TEMPORARY_FILES_LIMITED = '53400';

function unavailable(cause: unknown, state: string | undefined): DtaError {
  const said = state === undefined ? '' : ` (${state})`;
  return new DtaError('service_unavailable', `PostgreSQL does not answer${said}`, {
    cause,
    ...(state !== undefined && { metadata: { reason: `SQLSTATE ${state}` } }),
  });
}

/** Runs SQL; see {@link Database.query}. */
export type Sql = Pick<Database, 'query'>;

/**
 * SQLSTATEs that say nothing of the statement, so that it may do a little later: no connection (08), a replica that may not
 * write (25006), a deadlock (40), no room on the disk or for a connection (53), a lock that wasn't had in time (55P03), a
 * time limit or a server that stops (57).
 */
const AWAY = /^(08|25006|40|53|55P03|57)/;

/**
 * Whether a prepared statement gives other columns than when it was prepared: a migration by another process changed them. Of
 * the statement nothing was run. Other errors have this SQLSTATE too, and the sentence is in the server's language.
 */
function isPlanOutdated(error: unknown): boolean {
  const routine = typeof error === 'object' && error !== null && 'routine' in error ? error.routine : undefined;
  return sqlState(error) === '0A000' && routine === 'RevalidateCachedQuery';
}

async function orAway<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    const state = sqlState(cause);
    if (state !== undefined && !AWAY.test(state) && !isPlanOutdated(cause)) throw cause;
    throw unavailable(cause, state);
  }
}

/** The SQLSTATE of an error of the server, or undefined. */
export function sqlState(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/**
 * Connects to a role's database, whose schema must be this version's: `dta migrate` brings it there.
 *
 * @throws `service_unavailable` where there is no connection, `configuration_invalid` for a server below PostgreSQL 15,
 * `schema_outdated` for an older schema and for a newer one
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const source = await connect(options, limits);
  if (await isOutdated(source)) {
    await source.destroy();
    throw new DtaError('schema_outdated', 'the database has an older schema than this version needs: run dta migrate');
  }
  await refuseNewer(source);
  return new Database(source);
}

/** A newer version wrote rows that this one would misread: closes the connections. @throws `schema_outdated` */
async function refuseNewer(source: DataSource): Promise<void> {
  const [table] = await source.query<{ there: string | null }[]>("SELECT to_regclass('migrations') AS there");
  if ((table?.there ?? null) === null) return; // an empty database
  const rows = await source.query<{ name: string }[]>('SELECT name FROM migrations ORDER BY id');
  const own = new Set(source.migrations.map(({ name }) => name));
  const newer = rows.map(({ name }) => name).filter((name) => !own.has(name));
  if (newer.length === 0) return;
  await source.destroy();
  throw new DtaError(
    'schema_outdated',
    `the database has a newer schema than this version knows (${newer.join(', ')}): start the newer version, or restore the backup from before its dta migrate`,
  );
}

async function isOutdated(source: DataSource): Promise<boolean> {
  try {
    return await source.showMigrations();
  } catch (error) {
    if (sqlState(error) === READ_ONLY) return true; // it would make its table where there is none yet
    await source.destroy();
    throw error;
  }
}

/** A statement that would write, on a connection that may not. */
const READ_ONLY = '25006';

async function connect(options: DatabaseOptions, limited: Partial<typeof limits>): Promise<DataSource> {
  const source = await dataSource(options, limited)
    .initialize()
    .catch((cause: unknown) => {
      const sentence = `PostgreSQL at ${placeOf(options.url)} ${refusalOf(cause)}`;
      throw new DtaError('service_unavailable', sentence, { cause });
    });
  await refuseOldServer(source, options.url);
  return source;
}

/** `NULLS NOT DISTINCT` of the first migration begins with it. */
const LEAST_SERVER = 15;

/** Closes the connections to a server that is too old. @throws `configuration_invalid` */
async function refuseOldServer(source: DataSource, url: string): Promise<void> {
  const [{ version } = { version: '' }] = await source.query<{ version: string }[]>(
    "SELECT current_setting('server_version') AS version",
  );
  if (Number.parseInt(version, 10) >= LEAST_SERVER) return;
  await source.destroy();
  throw new DtaError(
    'configuration_invalid',
    `PostgreSQL at ${placeOf(url)} is version ${version}: ${LEAST_SERVER} or later is needed`,
  );
}

/** Host and database; nothing of user and password, also where these aren't escaped as they must be. */
function placeOf(url: string): string {
  if (!URL.canParse(url)) return 'the address that is given';
  const { host, pathname, search, hash } = new URL(url);
  return `${pathname}${search}${hash}`.includes('@') ? 'the address that is given' : `${host}${pathname}`;
}

function refusalOf(cause: unknown): string {
  const message = typeof cause === 'object' && cause !== null && 'message' in cause ? String(cause.message) : '';
  if (sqlState(cause) !== undefined) return `does not let us in: ${message}`; // no such database, a wrong password
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
  if (/^(ENOENT|EACCES|EISDIR)$/.test(code)) return `can not be reached by TLS: ${message}`; // a file of the address's
  if (/CERT|ISSUER|SELF_SIGNED|^ERR_(TLS|SSL|OSSL)/.test(code) || /\b(SSL|TLS|certificate)\b/i.test(message))
    return `can not be reached by TLS: ${message}`;
  return 'does not answer';
}

/**
 * Brings a database to this version's schema, one process at a time (advisory lock). Gives the names of what it ran.
 *
 * @throws as {@link openDatabase}, but an older schema is what it is for
 */
export async function migrateDatabase(options: DatabaseOptions): Promise<string[]> {
  const source = await connect({ ...options, poolSize: 2 }, {});
  await refuseNewer(source);
  const locker = source.createQueryRunner();
  try {
    await locker.query("SELECT pg_advisory_lock(hashtext('dta migrate'))");
    const ran = await source.runMigrations({ transaction: 'each' });
    return ran.map(({ name }) => name);
  } finally {
    await locker.query("SELECT pg_advisory_unlock(hashtext('dta migrate'))");
    await locker.release();
    await source.destroy();
  }
}
