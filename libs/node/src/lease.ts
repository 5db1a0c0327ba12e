import type { Cid } from '@dta/codec';
import { BACKOFF_UNAWAITED_MAX_MS, LEASE_MS } from '@dta/contracts';
import type { Sql } from './database.js';
import { sqlVerbsWhere, SQL_IS_ITS_TURN } from './verb-sql.js';

/** So many orders that a step waits for are found for each other one. */
const WEIGHT_OF_AWAITED = 4;
const AWAITED = sqlVerbsWhere(({ awaited }) => awaited);

/**
 * Takes or renews the right to drive an order, for 15 s by the database's clock; one that lasts longer than that was taken
 * while the clock was ahead, and is none. A replica that lost it does no harm: it
 * can only repeat what is stored.
 */
export async function takeLease(sql: Sql, order: Cid, holder: string): Promise<boolean> {
  const rows: unknown[] = await sql.query(
    `INSERT INTO leases (order_ref, holder, until) VALUES ($1, $2, now() + make_interval(secs => $3::float / 1000))
     ON CONFLICT (order_ref) DO UPDATE SET holder = excluded.holder, until = excluded.until
       WHERE leases.holder = excluded.holder OR leases.until < now() OR leases.until > excluded.until RETURNING order_ref`,
    [order, holder, LEASE_MS],
  );
  return rows.length > 0;
}

/** Gives the right back, so that another replica need not wait. */
export async function dropLease(sql: Sql, order: Cid, holder: string): Promise<void> {
  await sql.query('DELETE FROM leases WHERE order_ref = $1 AND holder = $2', [order, holder]);
}

/**
 * Orders under no lease that need a driver. Either a delivery of theirs is due. Or their state is one of `awaiting` and no
 * awaited delivery is owed: the process that wrote the last answer died before the next step.
 *
 * Any `limit` of them: were it always the same ones, a few whose rows can't be read would keep all others waiting. Four
 * in five are such as a step waits for: a fiduciary that is gone for good is owed a message for each order that it ever had.
 */
export async function undriven(sql: Sql, limit: number, awaiting: readonly string[]): Promise<Cid[]> {
  const rows: { order_ref: Cid }[] = await sql.query(
    `WITH due AS (
       SELECT d.order_ref, d.verb IN (${AWAITED}) AS awaited FROM deliveries d
       WHERE d.state = 'owed'
         AND (d.next_attempt_at <= now() OR d.next_attempt_at > now() + make_interval(secs => $4::float / 1000))
         AND ${SQL_IS_ITS_TURN}
       UNION ALL
       SELECT o.ref, true FROM orders o
       WHERE o.state = ANY ($2) AND NOT EXISTS (
         SELECT FROM deliveries d WHERE d.order_ref = o.ref AND d.state = 'owed' AND d.verb IN (${AWAITED}))
     ), undriven AS (
       SELECT order_ref, bool_or(awaited) AS awaited, random() AS chance, random() AS luck FROM due
       WHERE NOT EXISTS (SELECT FROM leases l WHERE l.order_ref = due.order_ref
         AND l.until BETWEEN now() AND now() + make_interval(secs => $5::float / 1000))
       GROUP BY order_ref
     )
     SELECT order_ref FROM undriven
     ORDER BY (row_number() OVER (PARTITION BY awaited ORDER BY chance) - luck) * CASE WHEN awaited THEN 1 ELSE $3::float END
     LIMIT $1`,
    [limit, [...awaiting], WEIGHT_OF_AWAITED, BACKOFF_UNAWAITED_MAX_MS, LEASE_MS],
  );
  return rows.map(({ order_ref }) => order_ref);
}
