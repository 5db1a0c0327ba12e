import type { Custody } from '@dta/custody';
import { DtaError } from '@dta/errors';
import type { Sql } from './database.js';

/**
 * Holds custody against the rows that are sealed under its keys: a token that was initialised anew under the same label, or
 * another one, has none of them. Some that are missing are for the log: the rows of a backup from an earlier week are lost,
 * and the others must go on.
 *
 * @returns keys that rows are sealed under and custody lacks
 * @throws `custody_invalid` where rows are sealed and custody has none of their keys: nothing opens, and a new key beside
 * would only hide it; what custody and database throw
 */
export async function missingKeys(sql: Sql, custody: Pick<Custody, 'keys'>): Promise<string[]> {
  const rows = await sql.query<{ key: string }>(KEYS_IN_USE);
  if (rows.length === 0) return [];
  const there = new Set(await custody.keys());
  const missing = rows.map(({ key }) => key).filter((key) => !there.has(key));
  if (missing.length < rows.length) return missing;
  throw lacking('custody has none of the keys that this database is sealed under', missing);
}

/**
 * Right before custody makes a key called `key`: another of the name would hide that rows are sealed under one that is gone.
 *
 * @throws `custody_invalid` where there are such rows, and what {@link missingKeys} throws
 */
export async function assertNeverUsed(key: string, sql: Sql, custody: Pick<Custody, 'keys'>): Promise<void> {
  const missing = await missingKeys(sql, custody);
  if (missing.includes(key)) throw lacking('custody lacks a key that this database is sealed under', [key]);
}

function lacking(sentence: string, keys: readonly string[]): DtaError {
  const message = `${sentence} (${keys.join(', ')}): it was initialised anew, or is another; see docs/operations.md, HSM`;
  return new DtaError('custody_invalid', message, { metadata: { keys } });
}

/** Each key once, by its index: a table of a million rows has a handful of keys. */
const KEYS_IN_USE = `WITH RECURSIVE used (key) AS (
    (SELECT key FROM secrets ORDER BY key LIMIT 1)
    UNION ALL SELECT (SELECT key FROM secrets s WHERE s.key > used.key ORDER BY key LIMIT 1) FROM used WHERE used.key IS NOT NULL
  ) SELECT key FROM used WHERE key IS NOT NULL`;
