import type { Cid } from '@dta/codec';
import { STEP_SAID_AGAIN_MS, STEPS_SAID_AGAIN_MAX } from '@dta/contracts';
import { parseEnvelope } from '@dta/envelope';
import { DtaError } from '@dta/errors';
import { LRUCache } from 'lru-cache';
import type { StoredReply } from './commit.js';
import type { Sql } from './database.js';

/**
 * Answers to steps that were taken before and came in another envelope: nothing of them is stored, and each costs
 * signatures, so of each verb and order this process gives one a minute. The same envelope gets the same bytes meanwhile.
 */
export class SaidAgain {
  readonly #replies = new LRUCache<string, StoredReply>({ max: STEPS_SAID_AGAIN_MAX, ttl: STEP_SAID_AGAIN_MS });

  /**
   * What that envelope was answered in the last minute, or undefined.
   *
   * @throws `busy` where another envelope was
   */
  find(verb: string, order: Cid, request: Cid): StoredReply | undefined {
    const key = keyOf(verb, order);
    const reply = this.#replies.get(key);
    if (reply === undefined || reply.request === request) return reply;
    throw new DtaError('busy', `what was answered to ${verb} before was said again a moment ago`, {
      metadata: { retryAfterMs: Math.ceil(this.#replies.getRemainingTTL(key)) },
    });
  }

  note(order: Cid, reply: StoredReply): void {
    this.#replies.set(keyOf(reply.verb, order), reply);
  }
}

function keyOf(verb: string, order: Cid): string {
  return `${verb} ${order}`;
}

/**
 * Whether that verb was answered in an order by `document`, the node's newest. What an older one said, the principal may
 * refuse by now: the new one says it once with a row of its own.
 */
export async function hasAnswered(sql: Sql, verb: string, order: Cid, document: Cid): Promise<boolean> {
  const rows: { envelope: Buffer }[] = await sql.query(
    'SELECT envelope FROM replies WHERE order_ref = $1 AND verb = $2 ORDER BY created_at DESC LIMIT 1',
    [order, verb],
  );
  return rows.some(({ envelope }) => parseEnvelope(new Uint8Array(envelope)).header.sender === document);
}
