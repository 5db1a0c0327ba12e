import { cidOf, type Cid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import type { Role } from '@dta/identity';
import type { OrderStatement, SecretKind } from '@dta/order';
import type { DataSource } from 'typeorm';
import type { Sql } from './database.js';
import type { SealedSecret } from './secret-store.js';

/** A role's row of an order as it will stand. */
export interface OrderRow {
  readonly ref: Cid;
  /** the version it was read at; null for a new order */
  readonly version: number | null;
  readonly state: string;
  /** at a principal, which lists its orders by it */
  readonly beneficiary: Cid | null;
  /** Unix ms */
  readonly createdAt: number;
  /** Unix ms at which the clock alone may change the state */
  readonly dueAt: number | null;
  /** canonical DAG-CBOR */
  readonly record: Uint8Array;
}

/** The answer to a request, kept so that a repeated request gets the same bytes. */
export interface StoredReply {
  readonly verb: string;
  /** CID of the request's `envelopes[0]` */
  readonly request: Cid;
  readonly envelopes: readonly Uint8Array[];
  readonly attachments: readonly Uint8Array[];
}

/** An envelope of this role's, for the log if it says so. */
export interface OwnEnvelope {
  readonly bytes: Uint8Array;
  readonly log: boolean;
}

/** A message owed to a recipient: the row is there before the first send. */
export interface NewDelivery {
  readonly envelope: Cid;
  readonly verb: string;
  readonly party: Cid;
  readonly role: Role;
  readonly attachments: readonly Uint8Array[];
}

/** A checked answer to a delivery. */
export interface DeliveryAnswer {
  readonly envelope: Cid;
  readonly verb: string;
  readonly party: Cid;
  readonly statements: readonly OrderStatement[];
  readonly envelopes: readonly Uint8Array[];
  readonly attachments: readonly Uint8Array[];
}

/** Everything that one step of an order writes. */
export interface Change {
  readonly order: OrderRow;
  readonly statements: readonly OrderStatement[];
  readonly secrets: readonly SealedSecret[];
  readonly erase: readonly SecretKind[] | 'all';
  readonly envelopes: readonly OwnEnvelope[];
  readonly deliveries: readonly NewDelivery[];
  /** verbs whose deliveries, still owed by earlier steps, nobody waits for any more */
  readonly close: readonly string[] | 'all';
  readonly reply: StoredReply | null;
  /** a setup or a redemption is over: attachments and Releases in replies and deliveries go */
  readonly settled: boolean;
  /** kinds, for the timeline */
  readonly events: readonly string[];
  /** answers to this role's deliveries that the step rests on */
  readonly answers: readonly DeliveryAnswer[];
  /** wake whoever waits for this order */
  readonly notify: boolean;
  readonly idempotency: { readonly tenant: string; readonly key: string; readonly mac: Uint8Array } | null;
  /** Unix ms */
  readonly now: number;
}

/** Where somebody waits for changes of an order (LISTEN): the payload is its reference, a space, its new version. */
export const ORDER_CHANGED = 'order_changed';

/**
 * Writes one step of an order, whole or not at all. The only function that writes an order.
 *
 * @throws `write_conflict` where the row is at another version, or a reply to this request is stored already: read again
 */
export async function commit(database: DataSource, change: Change): Promise<void> {
  try {
    await database.transaction(async (sql) => {
      await writeOrder(sql, change.order);
      await writeRest(sql, change);
    });
  } catch (cause) {
    if (isConflict(cause)) throw new DtaError('write_conflict', 'somebody else took this step', { cause });
    throw cause;
  }
}

async function writeOrder(sql: Sql, { ref, version, state, beneficiary, createdAt, dueAt, record }: OrderRow): Promise<void> {
  const bytes = Buffer.from(record);
  if (version === null) {
    await sql.query(
      `INSERT INTO orders (ref, version, state, beneficiary, created_at, due_at, record) VALUES ($1, 1, $2, $3, $4, $5, $6)`,
      [ref, state, beneficiary, createdAt, dueAt, bytes],
    );
    return;
  }
  const [, written]: [unknown, number] = await sql.query(
    'UPDATE orders SET version = version + 1, state = $3, due_at = $4, record = $5 WHERE ref = $1 AND version = $2',
    [ref, version, state, dueAt, bytes],
  );
  if (written !== 1) throw new DtaError('write_conflict', 'somebody else took this step');
}

const INSERTS = {
  statements: `INSERT INTO statements (order_ref, cid, bytes)
    SELECT $1, cid, bytes FROM unnest($2::text[], $3::bytea[]) AS s (cid, bytes) ON CONFLICT DO NOTHING`,
  envelopes: `INSERT INTO envelopes (order_ref, cid, bytes, log)
    SELECT $1, cid, bytes, log FROM unnest($2::text[], $3::bytea[], $4::boolean[]) AS e (cid, bytes, log) ON CONFLICT DO NOTHING`,
  secrets: `INSERT INTO secrets (order_ref, what, epoch, transcript, index, key, sealed)
    SELECT $1, * FROM unnest($2::text[], $3::integer[], $4::bytea[], $5::smallint[], $6::text[], $7::bytea[])`,
  events: 'INSERT INTO events (order_ref, at, kind) SELECT $1, $2, kind FROM unnest($3::text[]) AS kind',
  reply: 'INSERT INTO replies (order_ref, verb, request, envelopes, attachments) VALUES ($1, $2, $3, $4, $5)',
  delivery: `INSERT INTO deliveries (order_ref, envelope, verb, party, role, attachments) VALUES ($1, $2, $3, $4, $5, $6)`,
  idempotency: 'INSERT INTO idempotency (tenant, key, mac, order_ref) VALUES ($2, $3, $4, $1)',
} as const;

async function writeRest(sql: Sql, change: Change): Promise<void> {
  const { ref } = change.order;
  const { statements, secrets, envelopes, deliveries, reply, events, idempotency } = change;
  await writeAnswers(sql, ref, change.answers);
  await writeStatements(sql, ref, statements);
  if (change.erase === 'all') await sql.query('DELETE FROM secrets WHERE order_ref = $1', [ref]);
  else if (change.erase.length > 0) {
    await sql.query('DELETE FROM secrets WHERE order_ref = $1 AND what = ANY ($2)', [ref, change.erase]);
  }
  if (secrets.length > 0) {
    const column = <T>(of: (secret: SealedSecret) => T) => secrets.map(of);
    await sql.query(INSERTS.secrets, [
      ref,
      column(({ name }) => name.what),
      column(({ name }) => name.epoch),
      column(({ name }) => name.transcript && Buffer.from(name.transcript)),
      column(({ name }) => name.index),
      column(({ key }) => key),
      column(({ sealed }) => Buffer.from(sealed)),
    ]);
  }
  if (envelopes.length > 0) {
    const bytes = envelopes.map((envelope) => Buffer.from(envelope.bytes));
    await sql.query(INSERTS.envelopes, [ref, envelopes.map((envelope) => cidOf(envelope.bytes)), bytes, envelopes.map(({ log }) => log)]);
  }
  if (change.close.length > 0) {
    await sql.query(
      `UPDATE deliveries SET state = 'closed', attachments = '{}'
       WHERE order_ref = $1 AND state = 'owed' AND ($2::text[] IS NULL OR verb = ANY ($2))`,
      [ref, change.close === 'all' ? null : change.close],
    );
  }
  if (change.settled) {
    await sql.query("UPDATE deliveries SET attachments = '{}', answer_attachments = '{}', answer_envelopes = '{}' WHERE order_ref = $1", [ref]);
    await sql.query("UPDATE replies SET attachments = '{}', envelopes = envelopes[1:1] WHERE order_ref = $1", [ref]);
  }
  for (const { envelope, verb, party, role, attachments } of deliveries) {
    await sql.query(INSERTS.delivery, [ref, envelope, verb, party, role, attachments.map((bytes) => Buffer.from(bytes))]);
  }
  if (reply !== null) {
    const lists = [reply.envelopes, reply.attachments].map((list) => list.map((bytes) => Buffer.from(bytes)));
    await sql.query(INSERTS.reply, [ref, reply.verb, reply.request, ...lists]);
  }
  if (idempotency !== null) {
    await sql.query(INSERTS.idempotency, [ref, idempotency.tenant, idempotency.key, Buffer.from(idempotency.mac)]);
  }
  if (events.length > 0) await sql.query(INSERTS.events, [ref, change.now, events]);
  if (change.notify) await sql.query('SELECT pg_notify($1, $2)', [ORDER_CHANGED, `${ref} ${(change.order.version ?? 0) + 1}`]);
}

async function writeStatements(sql: Sql, ref: Cid, statements: readonly OrderStatement[]): Promise<void> {
  if (statements.length === 0) return;
  await sql.query(INSERTS.statements, [ref, statements.map(({ cid }) => cid), buffers(statements.map(({ bytes }) => bytes))]);
}

/** Writes checked answers; one that is there already stays. For a step that isn't complete, outside {@link commit}. */
export async function writeAnswers(sql: Sql, ref: Cid, answers: readonly DeliveryAnswer[]): Promise<void> {
  for (const { envelope, verb, party, statements, envelopes, attachments } of answers) {
    await sql.query(
      `UPDATE deliveries SET state = 'answered', last_error = NULL, answer = $4, answer_envelopes = $5,
         answer_attachments = $6, attachments = '{}'
       WHERE envelope = $1 AND verb = $2 AND party = $3 AND state = 'owed'`,
      [envelope, verb, party, statements.map(({ cid }) => cid), buffers(envelopes), buffers(attachments)],
    );
  }
  await writeStatements(sql, ref, answers.flatMap(({ statements }) => statements));
}

const buffers = (list: readonly Uint8Array[]) => list.map((bytes) => Buffer.from(bytes));

/** A unique key that is there already: the same step by another replica. */
function isConflict(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === '23505';
}
