import { SQL_LOCK_TIMEOUT_MS, SQL_STATEMENT_TIMEOUT_MS } from '@dta/contracts';
import { DtaError } from '@dta/errors';
import { DataSource, type EntityManager } from 'typeorm';
import { Initial1 } from './migrations/1-initial.js';

/** How a role reaches its database. */
export interface DatabaseOptions {
  /** postgres://user:password@host:port/database */
  readonly url: string;
  readonly poolSize: number;
}



const migrations = [Initial1];

/** Runs SQL: a data source, or the manager of a transaction. */
export type Sql = Pick<EntityManager, 'query'>;

function dataSource({ url, poolSize }: DatabaseOptions): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    poolSize,
    migrations,
    migrationsTableName: 'migrations',
    logging: false,
    extra: { statement_timeout: SQL_STATEMENT_TIMEOUT_MS, lock_timeout: SQL_LOCK_TIMEOUT_MS, application_name: 'dta' },
  });
}

/**
 * Connects to a role's database, whose schema must be this version's: `dta migrate` brings it there.
 *
 * @throws `service_unavailable` where there is no connection, `schema_outdated`
 */
export async function openDatabase(options: DatabaseOptions): Promise<DataSource> {
  const database = await connect(options);
  if (await database.showMigrations()) {
    await database.destroy();
    throw new DtaError('schema_outdated', 'the database has an older schema than this version needs: run dta migrate');
  }
  return database;
}

async function connect(options: DatabaseOptions): Promise<DataSource> {
  try {
    return await dataSource(options).initialize();
  } catch (cause) {
    const { host, pathname } = new URL(options.url);
    throw new DtaError('service_unavailable', `PostgreSQL does not answer at ${host}${pathname}`, { cause });
  }
}

/** Brings a database to this version's schema, one process at a time (advisory lock). Gives the names of what it ran. */
export async function migrateDatabase(options: DatabaseOptions): Promise<string[]> {
  const database = await connect({ ...options, poolSize: 2 });
  const locker = database.createQueryRunner();
  try {
    await locker.query('SET lock_timeout = 0; SET statement_timeout = 0');
    await locker.query("SELECT pg_advisory_lock(hashtext('dta migrate'))");
    const ran = await database.runMigrations({ transaction: 'each' });
    return ran.map(({ name }) => name);
  } finally {
    await locker.query("SELECT pg_advisory_unlock(hashtext('dta migrate'))");
    await locker.release();
    await database.destroy();
  }
}
