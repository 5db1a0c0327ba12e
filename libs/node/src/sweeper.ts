import type { Cid } from '@dta/codec';
import { isDtaError } from '@dta/errors';
import { commit } from './commit.js';
import type { Node } from './node.js';
import type { OrderTable } from './order-table.js';
import { periodically } from './periodic.js';
import type { Job } from './role-app.js';

const SWEEP_MS = 30_000;

/** What the clock alone does to an order: the row as it stands after, with no secret left; the same where nothing is due. */
export type Expiry<O> = (order: O, now: number) => O;

/**
 * Ends what is past its time, where the clocks are beyond doubt, since none of it can be undone: orders, key periods,
 * Releases that were never fetched, Receipts that are never taken, ids of calls that can't be replayed any more.
 */
export function startSweeper<O>(node: Node, orders: OrderTable<O>, onDue: (ref: Cid) => Promise<void>): Job {
  const { clock } = node;
  return periodically('sweep', SWEEP_MS, node.log, async () => {
    await clock.look();
    if (clock.doubt !== null) return;
    for await (const ref of orders.due(node.now())) {
      // one that can't be ended must not keep the others, and keys whose period is over, alive
      if (clock.doubt !== null) return;
      await onDue(ref).catch((err: unknown) => node.log.error({ orderReference: ref, err }, 'an order was not ended'));
    }
    if (clock.doubt !== null) return;
    await node.database.query(
      `UPDATE replies SET further = NULL
       WHERE verb = 'release' AND further IS NOT NULL AND created_at < now() - interval '10 minutes'`,
    );
    await node.database.query(
      `UPDATE deliveries SET state = 'closed', attachments = NULL WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM deliveries
         WHERE verb = 'receipt' AND state = 'owed' AND created_at < now() - interval '7 days' LIMIT 1000))`,
    );
    await node.database.query("DELETE FROM internal_calls WHERE at < now() - interval '10 minutes'");
    await clock.look();
    if (clock.doubt !== null) return;
    const { destroyed, kept } = await node.secrets.endPastPeriods();
    if (destroyed.length > 0) node.log.info({ role: node.role, keys: destroyed }, 'past key periods ended');
    if (kept.length > 0)
      node.log.error({ role: node.role, keys: kept }, 'a key period can not end: a row does not open');
  });
}

/** Moves one order that the clock ends; not while the clocks are in doubt. */
export async function expireOrder<O extends { readonly state: string }>(
  node: Node,
  orders: OrderTable<O>,
  ref: Cid,
  expire: Expiry<O>,
): Promise<void> {
  const found = await orders.find(ref);
  if (found === undefined || node.clock.doubt !== null) return;
  const expired = expire(found.order, node.now());
  if (expired === found.order) return;
  try {
    await commit(node.database, {
      order: orders.row(expired, found.version),
      statements: [],
      secrets: [],
      erase: 'all',
      envelopes: [],
      deliveries: [],
      close: 'all',
      reply: null,
      settled: 'redemption',
      events: [expired.state],
      answers: [],
      lease: null,
      notify: true,
      idempotency: null,
      now: node.now(),
    });
  } catch (error) {
    if (!isDtaError(error, 'write_conflict')) throw error; // somebody moved it meanwhile: the next sweep looks again
  }
}
