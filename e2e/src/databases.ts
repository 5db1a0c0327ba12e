import { decodeCanonical } from '@dta/codec';
import type { Member } from '@dta/testkit';
import pg from 'pg';

/** Runs one query on a member's database. */
export async function query<R extends pg.QueryResultRow>(
  { databaseUrl }: Pick<Member, 'databaseUrl'>,
  text: string,
  values: readonly unknown[] = [],
): Promise<R[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query<R>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

/**
 * Ends all connections to a database and lets none in, until what it gives is called.
 *
 * @param elsewhere another database of the same server
 */
export async function shutOut(url: string, elsewhere: string): Promise<() => Promise<void>> {
  const name = new URL(url).pathname.slice(1);
  const client = new pg.Client({ connectionString: elsewhere });
  await client.connect();
  await client.query(`ALTER DATABASE "${name}" WITH ALLOW_CONNECTIONS false`);
  await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
  return async () => {
    await client.query(`ALTER DATABASE "${name}" WITH ALLOW_CONNECTIONS true`);
    await client.end();
  };
}

const MAX_STATEMENT_BYTES = 128 * 1024;

/** CIDs of the statements that a member keeps of an order, by type. */
export async function statementsOf(member: Member, orderReference: string): Promise<Record<string, string[]>> {
  const rows = await query<{ cid: string; bytes: Buffer }>(
    member,
    'SELECT cid, bytes FROM statements WHERE order_ref = $1 ORDER BY seq',
    [orderReference],
  );
  const types: Record<string, string[]> = {};
  for (const { cid, bytes } of rows) {
    // a stored statement: it was decoded by its schema before
    const { body } = decodeCanonical(new Uint8Array(bytes), MAX_STATEMENT_BYTES) as { body: { type: string } };
    (types[body.type] ??= []).push(cid);
  }
  return types;
}

/** Every value in every table of a member's own schema, as bytes: text as UTF-8, bytea as it is, lists taken apart. */
export async function dumpDatabase(member: Member): Promise<{ tables: string[]; values: Buffer[] }> {
  const tables = await query<{ name: string }>(
    member,
    "SELECT quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema = 'public'",
  );
  const values: Buffer[] = [];
  for (const { name } of tables) {
    for (const row of await query(member, `SELECT * FROM ${name}`)) values.push(...Object.values(row).flatMap(bytesOf));
  }
  return { tables: tables.map(({ name }) => name), values };
}

function bytesOf(value: unknown): Buffer[] {
  if (value === null) return [];
  if (value instanceof Uint8Array) return [Buffer.from(value)];
  if (Array.isArray(value)) return value.flatMap(bytesOf);
  return [Buffer.from(value instanceof Date ? value.toISOString() : String(value))];
}
