import { cidOf, type Cid } from '@dta/codec';
import { parseStatement, type Role } from '@dta/identity';
import { awaitingStates, nextVerb, requestStatement, statesWithNextVerb } from '@dta/order';
import type { Sql } from './database.js';
import { readLastError } from './last-error.js';
import { SQL_IS_ITS_TURN } from './verb-sql.js';

/** What an order waits for. */
export interface StuckOrder {
  readonly orderReference: Cid;
  readonly state: string;
  /** Unix ms */
  readonly since: number;
  /** Whose turn it is; null: this role's own, which no process of it takes. */
  readonly waitingFor: { readonly party: Cid; readonly role: Role; readonly verb: string } | null;
  /** How often it was asked; null where it is for the other to ask. */
  readonly attempts: number | null;
  /** The code that the last attempt ended with. */
  readonly lastError: string | null;
  /** Unix ms; in the past: it is due, and nobody has come to it. Null where it is for the other to ask. */
  readonly nextAttempt: number | null;
}

/** An order that goes on by itself isn't stuck. */
const PATIENCE_SECONDS = 10;

interface OwedRow {
  order_ref: Cid;
  state: string;
  party: Cid;
  role: Role;
  verb: string;
  attempts: number;
  last_error: string | null;
  since: string;
  next: string;
}

/** Orders of a role that wait, the longest first, at most `limit` of each kind. Reads, and writes nothing. */
export async function stuckOrders(sql: Sql, limit: number): Promise<StuckOrder[]> {
  const owed = await sql.query<OwedRow>(
    `SELECT d.order_ref, o.state, d.party, d.role, d.verb, d.attempts, d.last_error,
       (extract(epoch FROM d.created_at) * 1000)::bigint AS since,
       (extract(epoch FROM d.next_attempt_at) * 1000)::bigint AS next
     FROM deliveries d JOIN orders o ON o.ref = d.order_ref
     WHERE d.state = 'owed' AND (d.attempts > 0 OR d.created_at < now() - make_interval(secs => $1))
       AND ${SQL_IS_ITS_TURN}
     ORDER BY d.created_at, d.order_ref, d.verb, d.party LIMIT $2`,
    [PATIENCE_SECONDS, limit],
  );
  const idle = await sql.query<{ ref: Cid; state: string; since: string; request: Buffer | null; drives: boolean }>(
    `SELECT o.ref, o.state, o.since, s.bytes AS request, o.drives FROM (
       SELECT ref, state, EXISTS (SELECT FROM deliveries d WHERE d.order_ref = ref) AS drives,
         coalesce((SELECT max(at) FROM events e WHERE e.order_ref = ref), created_at) AS since
       FROM orders WHERE state = ANY ($1)
         AND NOT EXISTS (SELECT FROM deliveries d WHERE d.order_ref = ref AND d.state = 'owed')) AS o
     LEFT JOIN statements s ON s.order_ref = o.ref AND s.cid = o.ref
     WHERE o.since < extract(epoch FROM now()) * 1000 - $2 ORDER BY o.since, o.ref LIMIT $3`,
    [[...awaitingStates, ...statesWithNextVerb], PATIENCE_SECONDS * 1000, limit],
  );
  const waiting = [
    ...owed.map((row): StuckOrder => ({
      ...{ orderReference: row.order_ref, state: row.state, since: Number(row.since) },
      waitingFor: { party: row.party, role: row.role, verb: row.verb },
      ...{ attempts: row.attempts, lastError: readLastError(row.last_error).lastError, nextAttempt: Number(row.next) },
    })),
    ...idle.map(({ ref, state, since, request, drives }): StuckOrder => ({
      ...{ orderReference: ref, state, since: Number(since) },
      waitingFor: drives || request === null ? null : principalOf(ref, request, state),
      ...{ attempts: null, lastError: null, nextAttempt: null },
    })),
  ];
  return waiting.sort((a, b) => a.since - b.since);
}

/** At a fiduciary or a beneficiary: the principal that placed the order has the next word; null where its Request was altered. */
function principalOf(ref: Cid, request: Buffer, state: string): StuckOrder['waitingFor'] {
  const bytes = new Uint8Array(request);
  if (cidOf(bytes) !== ref) return null; // one altered row must not keep all others from being listed
  const { issuer } = parseStatement([requestStatement], bytes, ref).body;
  return issuer === null ? null : { party: issuer, role: 'principal', verb: nextVerb(state) ?? state };
}

/** How many orders there are of each state. */
export async function ordersByState(sql: Sql): Promise<{ state: string; orders: number }[]> {
  const rows = await sql.query<{ state: string; orders: string }>(
    'SELECT state, count(*) AS orders FROM orders GROUP BY state ORDER BY state',
  );
  return rows.map(({ state, orders }) => ({ state, orders: Number(orders) }));
}
