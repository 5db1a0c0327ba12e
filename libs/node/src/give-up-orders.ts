import type { Sql } from './database.js';

/**
 * Gives up every order of a role whose custody is lost for good, in one statement: what custody sealed is deleted, nothing is
 * owed or ended any more, and no row of an order is believed again. Then the role starts with a new record-key. Its part of
 * the log, identities and what it answered stay. To be run while no process of the role does.
 *
 * @returns how many orders there were that hadn't been given up before
 */
export async function giveUpOrders(sql: Sql): Promise<number> {
  const [row] = await sql.query<{ orders: number }>(`WITH
      given AS (UPDATE orders SET mac = '', state = 'failed', due_at = NULL WHERE mac <> '' RETURNING 1),
      closed AS (UPDATE deliveries SET state = 'closed', attachments = NULL WHERE state = 'owed'),
      forgotten AS (UPDATE replies SET further = NULL, attachments = NULL
        WHERE further IS NOT NULL OR attachments IS NOT NULL),
      unsealed AS (DELETE FROM secrets),
      unanswered AS (DELETE FROM plugin_answers),
      unkeyed AS (DELETE FROM idempotency)
    SELECT count(*)::integer AS orders FROM given`);
  return row?.orders ?? 0;
}
