import pg from 'pg';
import { freshName, serviceUrl } from './run-services.js';

/** A database of one suite's own. */
export interface FreshDatabase {
  /** Its address, with user and password. */
  readonly url: string;
  /** Ends every connection to it and removes it. */
  drop(): Promise<void>;
}

/**
 * Makes an empty database on the run's PostgreSQL, which starts (about a second) where no suite asked before; or on the
 * server of another address, whose user may make databases.
 */
export async function freshDatabase(server?: string): Promise<FreshDatabase> {
  const adminUrl = server ?? (await serviceUrl('postgres'));
  const name = freshName();
  await administer(adminUrl, `CREATE DATABASE ${name}`);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => administer(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

async function administer(adminUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
