import { parseCid, type Cid } from '@dta/codec';
import { DtaError, toDtaError } from '@dta/errors';
import type { Role } from '@dta/identity';
import { messageOf, readStatements, type Evidence, type Verb, type VerifiedStatements } from '@dta/order';
import { BACKOFF_MAX_MS, BACKOFF_MIN_MS, BACKOFF_UNAWAITED_MAX_MS } from '@dta/contracts';
import { fromColumn } from './byte-list.js';
import type { Sql } from './database.js';
import { lastErrorOf } from './last-error.js';
import { exchange, type ExchangeParts } from './exchange.js';

/** A message owed to a recipient, with what the recipient answered. */
export interface Delivery {
  readonly orderRef: Cid;
  readonly envelope: Cid;
  readonly verb: string;
  /** as the order names it */
  readonly party: Cid;
  readonly role: Role;
  readonly state: 'owed' | 'answered' | 'closed';
  readonly attachments: readonly Uint8Array[];
  /** as {@link lastErrorOf} keeps it */
  readonly lastError: string | null;
  /** ms until it may be sent again; 0: now, also where that would be later than any wait: the clock was ahead then */
  readonly dueInMs: number;
  readonly answer: {
    /** CIDs of the statements that answered */
    readonly statements: readonly Cid[];
    readonly envelopes: readonly Uint8Array[];
    readonly attachments: readonly Uint8Array[];
  } | null;
}

interface DeliveryRow {
  order_ref: Cid;
  envelope: Cid;
  verb: string;
  party: Cid;
  role: Role;
  state: Delivery['state'];
  attachments: Buffer | null;
  last_error: string | null;
  due_in_ms: string;
  answer: string | null;
  answer_envelopes: Buffer | null;
  answer_attachments: Buffer | null;
}

/** All deliveries of an order, oldest first. */
export async function deliveriesOf(sql: Sql, order: Cid): Promise<Delivery[]> {
  const rows: DeliveryRow[] = await sql.query(
    `SELECT d.order_ref, d.envelope, d.verb, d.party, d.role, d.state, d.attachments, d.last_error, d.answer,
       d.answer_envelopes, d.answer_attachments, (extract(epoch FROM next_attempt_at - now()) * 1000)::bigint AS due_in_ms
     FROM deliveries d JOIN envelopes e ON e.cid = d.envelope WHERE d.order_ref = $1 ORDER BY e.seq, d.verb, d.party`,
    [order],
  );
  return rows.map((row) => ({
    orderRef: row.order_ref,
    envelope: row.envelope,
    verb: row.verb,
    party: row.party,
    role: row.role,
    state: row.state,
    attachments: fromColumn(row.attachments),
    lastError: row.last_error,
    dueInMs: Number(row.due_in_ms) > BACKOFF_UNAWAITED_MAX_MS ? 0 : Math.max(0, Number(row.due_in_ms)),
    answer:
      row.answer === null
        ? null
        : {
            statements: row.answer.split(' ').map(parseCid),
            envelopes: fromColumn(row.answer_envelopes),
            attachments: fromColumn(row.answer_attachments),
          },
  }));
}

/** A reply that was opened and whose statements are verified, and the bytes that came with it. */
export interface PeerReply {
  readonly evidence: Evidence;
  readonly envelopes: readonly Uint8Array[];
  readonly attachments: readonly Uint8Array[];
}

/** What sending an order's message takes. */
export interface PeerParts extends ExchangeParts {
  readonly verified: VerifiedStatements;
}

/**
 * Sends a stored envelope to one recipient and opens its reply.
 *
 * @param identities documents of all parties of the order
 * @throws what the recipient or the transport answers, or what the reply is refused for
 */
export async function ask(
  parts: PeerParts,
  { party, role, verb, attachments, orderRef }: Pick<Delivery, 'party' | 'role' | 'verb' | 'attachments' | 'orderRef'>,
  envelopes: readonly Uint8Array[],
  identities: readonly Uint8Array[],
): Promise<PeerReply> {
  const { now, verified, admission } = parts;
  const message = { envelopes: [...envelopes], attachments: [...attachments], identities: [...identities] };
  const reply = await exchange(parts, { party, role, verb, order: orderRef }, message);
  const { directory, header } = reply;
  const evidence = readStatements(header, reply.statements, { directory, stored: new Set(), now: now(), verified });
  await admission.learn(directory.lineageOf(header.sender));
  return { evidence, envelopes: reply.further, attachments: reply.attachments };
}

/**
 * Notes that an attempt failed, and when the next may be: exponential from 0.5 to 30 s, with jitter; up to 10 minutes for
 * what no step waits for, since a fiduciary that is gone would be called for each of its orders for ever.
 */
export async function noteFailure(
  sql: Sql,
  delivery: Pick<Delivery, 'envelope' | 'party'> & { readonly verb: Verb },
  error: unknown,
): Promise<{ lastError: string; dueInMs: number }> {
  const { metadata } = toDtaError(error);
  const lastError = lastErrorOf(error, delivery.party);
  const longest = messageOf(delivery.verb).awaited ? BACKOFF_MAX_MS : BACKOFF_UNAWAITED_MAX_MS;
  const asked = typeof metadata['retryAfterMs'] === 'number' ? metadata['retryAfterMs'] : 0;
  const rows: { due_in_ms: string }[] = await sql.query(
    `UPDATE deliveries SET attempts = attempts + 1, last_error = $4, next_attempt_at = now() +
       make_interval(secs => greatest($5::float, least($7::float, $6::float * 2 ^ least(attempts, 16)) * (0.5 + random() / 2)) / 1000)
     WHERE envelope = $1 AND verb = $2 AND party = $3 AND state = 'owed'
     RETURNING (extract(epoch FROM next_attempt_at - now()) * 1000)::bigint AS due_in_ms`,
    [
      delivery.envelope,
      delivery.verb,
      delivery.party,
      lastError,
      Math.min(asked, BACKOFF_MAX_MS),
      BACKOFF_MIN_MS,
      longest,
    ],
  );
  return { lastError, dueInMs: Number(rows[0]?.due_in_ms ?? BACKOFF_MAX_MS) };
}

/** Bytes of a stored envelope. */
export async function envelopeBytes(sql: Sql, cid: Cid): Promise<Uint8Array> {
  const rows: { bytes: Buffer | null }[] = await sql.query('SELECT bytes FROM envelopes WHERE cid = $1', [cid]);
  const bytes = rows[0]?.bytes ?? null;
  if (bytes === null) throw new DtaError('internal', 'a delivery that is owed names an envelope that is not stored');
  return new Uint8Array(bytes);
}
