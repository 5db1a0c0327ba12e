import type { Cid } from '@dta/codec';
import { isDtaError } from '@dta/errors';
import { messageOf, verbsWhere } from '@dta/order';
import { begin } from './begun.js';
import { commit } from './commit.js';
import type { Sql } from './database.js';
import type { Node } from './node.js';
import type { OrderTable } from './order-table.js';
import { periodically } from './periodic.js';
import type { Job } from './role-app.js';
import { sqlVerbs, sqlVerbsWhere } from './verb-sql.js';

const SWEEP_MS = 30_000;

/** What the clock alone does to an order: the row as it stands after, with no secret left; the same where nothing is due. */
export type Expiry<O> = (order: O, now: number) => O;

/**
 * Ends what is past its time, where the clocks are beyond doubt, since none of it can be undone: orders, key periods,
 * Releases that were never fetched, messages that are owed for longer than their verb allows, ids of calls that can't be replayed any more.
 */
export function startSweeper<O>(node: Node, orders: OrderTable<O>, onDue: (ref: Cid) => Promise<void>): Job {
  const { clock, database, role, log } = node;
  // a part that fails must not keep the others from their work, above all not keys whose period is over
  const parts: Readonly<Record<string, () => Promise<unknown>>> = {
    orders: async () => {
      for await (const ref of orders.due(node.now())) {
        if (clock.doubt !== null) return;
        await onDue(ref).catch((err: unknown) => {
          if (isDtaError(err, 'busy')) log.info({ role, orderReference: ref }, 'an order is left to a newer replica');
          else log.error({ orderReference: ref, err }, 'an order was not ended');
        });
      }
    },
    Releases: () => database.query(FORGET_RELEASES),
    'messages owed for too long': () => giveUp(database),
    calls: () => database.query("DELETE FROM internal_calls WHERE at < now() - interval '10 minutes'"),
    'key periods': async () => {
      await clock.look();
      if (clock.doubt !== null) return;
      const { destroyed, kept } = await node.secrets.endPastPeriods();
      if (destroyed.length > 0) log.info({ role, keys: destroyed }, 'past key periods ended');
      if (kept.length > 0) log.error({ role, keys: kept }, 'a key period can not end: a row does not open');
    },
  };
  return periodically('sweep', SWEEP_MS, log, async () => {
    await clock.look();
    for (const [part, end] of Object.entries(parts)) {
      if (clock.doubt !== null) return;
      await end().catch((err: unknown) => log.error({ role, part, err }, 'a part of the sweep failed'));
    }
  });
}

const FORGET_RELEASES = `UPDATE replies SET further = NULL WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM replies
    WHERE verb IN (${sqlVerbsWhere(({ answers }) => answers.envelopes)}) AND further IS NOT NULL
      AND created_at < now() - interval '10 minutes' LIMIT 1000))`;

/** Closes what was owed for longer than the table of messages says. */
async function giveUp(sql: Sql): Promise<void> {
  for (const verb of verbsWhere(({ owedForDays }) => owedForDays !== null)) {
    await sql.query(
      `UPDATE deliveries SET state = 'closed', attachments = NULL WHERE ctid = ANY (ARRAY(
         SELECT ctid FROM deliveries
         WHERE verb = ${sqlVerbs([verb])} AND state = 'owed' AND created_at < now() - make_interval(days => $1) LIMIT 1000))`,
      [messageOf(verb).owedForDays],
    );
  }
}

/** Moves one order that the clock ends; not while the clocks are in doubt. */
export async function expireOrder<O extends { readonly state: string }>(
  node: Node,
  orders: OrderTable<O>,
  ref: Cid,
  expire: Expiry<O>,
): Promise<void> {
  const begun = begin(node.now());
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
      begun,
      now: node.now(),
    });
  } catch (error) {
    if (!isDtaError(error, 'write_conflict')) throw error; // another replica moved it: the next sweep looks again
  }
}
