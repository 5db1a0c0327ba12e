import type { Cid } from '@dta/codec';
import { LEASE_MS } from '@dta/contracts';
import { DtaError } from '@dta/errors';
import type { Role } from '@dta/identity';
import type { OrderStatement, SecretKind, Settled } from '@dta/order';
import { assertAwake, type Begun } from './begun.js';
import { toColumn } from './byte-list.js';
import { sqlState, type Sql } from './database.js';
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
  /** [32] of the row at its next version: {@link OrderTable.row} makes it */
  readonly mac: Uint8Array;
}

/** The answer to a request, kept so that a repeated request gets the same bytes. */
export interface StoredReply {
  readonly verb: string;
  /** CID of the request's `envelopes[0]` */
  readonly request: Cid;
  readonly envelope: Uint8Array;
  /** envelopes beside the reply's: a Release */
  readonly further: readonly Uint8Array[];
  readonly attachments: readonly Uint8Array[];
}

/** An envelope of this role's, for the log if it says so. */
export interface OwnEnvelope {
  readonly cid: Cid;
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
  /** where it can't be sent as it is: its envelope isn't sealed to the party, which was frozen */
  readonly lastError?: 'identity_frozen' | null;
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

/** The public answer of an order's plugin as canonical DAG-CBOR, or the code of the error that there is instead; one of them is null. */
export interface PluginAnswer {
  readonly extension: Uint8Array | null;
  readonly error: string | null;
  /** [32] of the row and the order's public key */
  readonly mac: Uint8Array;
}

/** What a client asked with its Idempotency-Key: both as keyed hashes [32]. */
export interface NewIdempotency {
  readonly tenant: string;
  readonly key: Uint8Array;
  readonly asked: Uint8Array;
  /** [32] of the row with the order's reference */
  readonly mac: Uint8Array;
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
  readonly settled: Settled | null;
  /** kinds, for the timeline */
  readonly events: readonly string[];
  /** answers to this role's deliveries that the step rests on */
  readonly answers: readonly DeliveryAnswer[];
  /** who drives the order from here on: the lease is taken in the same statement */
  readonly lease: string | null;
  /** wake whoever waits for this order */
  readonly notify: boolean;
  /** what the order's plugin answered at a principal */
  readonly pluginAnswer?: PluginAnswer | undefined;
  readonly idempotency: NewIdempotency | null;
  /** when the step began, or at the latest the sealing of its secrets */
  readonly begun: Begun;
  /** Unix ms */
  readonly now: number;
}

/** Where somebody waits for changes of an order (LISTEN): the payload is its reference, its new version, its state. */
export const ORDER_CHANGED = 'order_changed';

/**
 * Writes one step of an order, whole or not at all: one statement, so one transaction and one round trip. The only
 * function that writes an order.
 *
 * @throws `write_conflict` where the row is at another version, or a reply to this request is stored already: read again; or
 * where the step began more than 60 s ago
 */
export async function commit(sql: Sql, change: Change): Promise<void> {
  assertAwake(change.begun, change.now);
  const { text, values } = commitStatement(change);
  let moved: unknown[];
  try {
    moved = await sql.query(text, values);
  } catch (cause) {
    if (sqlState(cause) === UNIQUE_VIOLATION)
      throw new DtaError('write_conflict', 'somebody else took this step', { cause });
    throw cause;
  }
  if (moved.length === 0) throw new DtaError('write_conflict', 'somebody else took this step');
}

/** A unique key that is there already: the same step by another replica. */
const UNIQUE_VIOLATION = '23505';

/**
 * One statement of parts that all hang on `moved`: where the order's row is at another version, `moved` is empty and no
 * part writes. Parts that have nothing to do are left out, so there are few different texts.
 */
function commitStatement(change: Change): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const value = (given: unknown, type: string) => `$${values.push(given)}::${type}`;
  const parts = [
    ordersPart(change, value),
    ...statementsPart([...change.statements, ...change.answers.flatMap(({ statements }) => statements)], value),
    ...erasePart(change, value),
    ...secretsPart(change, value),
    ...envelopesPart(change, value),
    ...deliveriesPart(change, value),
    ...newDeliveriesPart(change, value),
    ...repliesPart(change, value),
    ...eventsPart(change, value),
    ...leasePart(change, value),
    ...idempotencyPart(change, value),
    ...pluginAnswerPart(change, value),
  ];
  const notified = change.notify
    ? `pg_notify(${value(ORDER_CHANGED, 'text')}, concat_ws(' ', ref, version, ${value(change.order.state, 'text')}))`
    : 'version';
  return { text: `WITH ${parts.join(',\n')}\nSELECT ${notified} FROM moved`, values };
}

/** Adds a parameter and gives its place in the text. */
type Value = (given: unknown, type: string) => string;

/** Byte strings of several rows: where each lies in one parameter, as two columns, and how a row takes its own. */
interface Joined {
  readonly columns: string;
  take(row: string): string;
}

/** As one parameter, which goes as it is: an array of them pg writes in hex, twice as long, for the server to read back. */
function joined(list: readonly Uint8Array[], value: Value): Joined {
  const starts: number[] = [];
  let length = 0;
  for (const bytes of list) {
    starts.push(length + 1); // SQL counts from 1
    length += bytes.length;
  }
  const all = value(Buffer.concat(list), 'bytea');
  const lengths = list.map((bytes) => bytes.length);
  return {
    columns: `${value(starts, 'integer[]')}, ${value(lengths, 'integer[]')}`,
    take: (row) => `substring(${all} FROM ${row}.start FOR ${row}.length)`,
  };
}

function ordersPart({ order }: Change, value: Value): string {
  const { ref, version, state, beneficiary, createdAt, dueAt, record, mac } = order;
  const [bytes, tag] = [Buffer.from(record), Buffer.from(mac)];
  return version === null
    ? `moved AS (
  INSERT INTO orders (ref, version, state, beneficiary, created_at, due_at, record, mac)
  VALUES (${value(ref, 'text')}, 1, ${value(state, 'text')}, ${value(beneficiary, 'text')}, ${value(createdAt, 'bigint')},
    ${value(dueAt, 'bigint')}, ${value(bytes, 'bytea')}, ${value(tag, 'bytea')}) RETURNING ref, version)`
    : `moved AS (
  UPDATE orders SET version = version + 1, state = ${value(state, 'text')}, due_at = ${value(dueAt, 'bigint')},
    record = ${value(bytes, 'bytea')}, mac = ${value(tag, 'bytea')}
  WHERE ref = ${value(ref, 'text')} AND version = ${value(version, 'integer')} RETURNING ref, version)`;
}

function statementsPart(statements: readonly OrderStatement[], value: Value): string[] {
  if (statements.length === 0) return [];
  const cids = value(
    statements.map(({ cid }) => cid),
    'text[]',
  );
  const bytes = joined(
    statements.map((statement) => statement.bytes),
    value,
  );
  return [
    `said AS (
  INSERT INTO statements (order_ref, cid, bytes)
  SELECT moved.ref, s.cid, ${bytes.take('s')}
  FROM moved, unnest(${cids}, ${bytes.columns}) WITH ORDINALITY AS s (cid, start, length, place)
  ORDER BY s.place ON CONFLICT DO NOTHING)`,
  ];
}

function erasePart({ erase }: Change, value: Value): string[] {
  if (erase.length === 0) return [];
  const which = erase === 'all' ? '' : ` AND what = ANY (${value(erase, 'text[]')})`;
  return [`erased AS (DELETE FROM secrets USING moved WHERE order_ref = moved.ref${which})`];
}

function secretsPart({ secrets }: Change, value: Value): string[] {
  if (secrets.length === 0) return [];
  const column = (of: (secret: SealedSecret) => unknown, type: string) => value(secrets.map(of), type);
  return [
    `kept AS (
  INSERT INTO secrets (order_ref, what, epoch, transcript, index, key, sealed)
  SELECT moved.ref, s.what, s.epoch, s.transcript, s.index, s.key, s.sealed FROM moved, unnest(${column(({ name }) => name.what, 'text[]')},
    ${column(({ name }) => name.epoch, 'integer[]')},
    ${column(({ name }) => name.transcript && Buffer.from(name.transcript), 'bytea[]')},
    ${column(({ name }) => name.index, 'smallint[]')}, ${column(({ key }) => key, 'text[]')},
    ${column(({ sealed }) => Buffer.from(sealed), 'bytea[]')})
    AS s (what, epoch, transcript, index, key, sealed))`,
  ];
}

function envelopesPart({ envelopes }: Change, value: Value): string[] {
  if (envelopes.length === 0) return [];
  const cids = value(
    envelopes.map(({ cid }) => cid),
    'text[]',
  );
  const bytes = joined(
    envelopes.map((envelope) => envelope.bytes),
    value,
  );
  const log = value(
    envelopes.map((envelope) => envelope.log),
    'boolean[]',
  );
  return [
    `sealed AS (
  INSERT INTO envelopes (order_ref, cid, bytes, log)
  SELECT moved.ref, e.cid, ${bytes.take('e')}, e.log
  FROM moved, unnest(${cids}, ${bytes.columns}, ${log}) AS e (cid, start, length, log) ON CONFLICT DO NOTHING)`,
  ];
}

/** Answers, closings and the end of a setup or redemption in one update: no row may be updated twice by one statement. */
function deliveriesPart({ answers, close, settled }: Change, value: Value): string[] {
  if (answers.length === 0 && close.length === 0 && settled === null) return [];
  const over = value(settled !== null, 'boolean');
  const redeemed = value(settled === 'redemption', 'boolean');
  const closing = close === 'all' ? 'true' : `d.verb = ANY (${value(close, 'text[]')})`;
  return [
    `answered AS (
  UPDATE deliveries AS d SET
    state = CASE WHEN x.answer IS NOT NULL THEN 'answered' WHEN x.closing THEN 'closed' ELSE d.state END,
    last_error = CASE WHEN x.answer IS NOT NULL THEN NULL ELSE d.last_error END,
    answer = coalesce(x.answer, d.answer),
    answer_envelopes = CASE WHEN ${redeemed} THEN NULL ELSE coalesce(x.envelopes, d.answer_envelopes) END,
    answer_attachments = CASE WHEN ${over} THEN NULL ELSE coalesce(x.attachments, d.answer_attachments) END,
    attachments = CASE WHEN ${over} OR x.answer IS NOT NULL OR x.closing THEN NULL ELSE d.attachments END
  FROM (
    SELECT d.envelope, d.verb, d.party, a.answer, a.envelopes, a.attachments,
      d.state = 'owed' AND a.answer IS NULL AND ${closing} AS closing
    FROM moved JOIN deliveries AS d ON d.order_ref = moved.ref
    LEFT JOIN ${answerRows(answers, value)} ON d.state = 'owed'
      AND a.envelope = d.envelope AND a.verb = d.verb AND a.party = d.party
  ) AS x
  WHERE d.envelope = x.envelope AND d.verb = x.verb AND d.party = x.party
    AND (${over} OR x.answer IS NOT NULL OR x.closing))`,
  ];
}

function answerRows(answers: readonly DeliveryAnswer[], value: Value): string {
  const column = (of: (answer: DeliveryAnswer) => unknown, type: string) => value(answers.map(of), type);
  return `unnest(${column(({ envelope }) => envelope, 'text[]')}, ${column(({ verb }) => verb, 'text[]')},
      ${column(({ party }) => party, 'text[]')},
      ${column(({ statements }) => statements.map(({ cid }) => cid).join(' '), 'text[]')},
      ${column(({ envelopes }) => toColumn(envelopes), 'bytea[]')},
      ${column(({ attachments }) => toColumn(attachments), 'bytea[]')})
      AS a (envelope, verb, party, answer, envelopes, attachments)`;
}

function newDeliveriesPart({ deliveries }: Change, value: Value): string[] {
  if (deliveries.length === 0) return [];
  const column = (of: (delivery: NewDelivery) => unknown, type: string) => value(deliveries.map(of), type);
  return [
    `owed AS (
  INSERT INTO deliveries (order_ref, envelope, verb, party, role, attachments, last_error)
  SELECT moved.ref, d.envelope, d.verb, d.party, d.role, d.attachments, d.last_error FROM moved, unnest(${column(({ envelope }) => envelope, 'text[]')},
    ${column(({ verb }) => verb, 'text[]')}, ${column(({ party }) => party, 'text[]')},
    ${column(({ role }) => role, 'text[]')}, ${column(({ attachments }) => toColumn(attachments), 'bytea[]')},
    ${column(({ lastError }) => lastError ?? null, 'text[]')})
    AS d (envelope, verb, party, role, attachments, last_error))`,
  ];
}

function repliesPart({ reply, settled }: Change, value: Value): string[] {
  const redeemed = settled === 'redemption'; // a Commitment may come later than a Release
  const trimmed = `trimmed AS (
  UPDATE replies SET ${redeemed ? 'further = NULL, ' : ''}attachments = NULL FROM moved
  WHERE order_ref = moved.ref AND (${redeemed ? 'further IS NOT NULL OR ' : ''}attachments IS NOT NULL))`;
  const parts = settled === null ? [] : [trimmed];
  if (reply === null) return parts;
  const { verb, request, envelope, further, attachments } = reply;
  return [
    ...parts,
    `replied AS (
  INSERT INTO replies (order_ref, verb, request, envelope, further, attachments)
  SELECT moved.ref, ${value(verb, 'text')}, ${value(request, 'text')}, ${value(Buffer.from(envelope), 'bytea')},
    ${value(toColumn(further), 'bytea')}, ${value(toColumn(attachments), 'bytea')} FROM moved)`,
  ];
}

function eventsPart({ events, now }: Change, value: Value): string[] {
  if (events.length === 0) return [];
  return [
    `happened AS (
  INSERT INTO events (order_ref, at, kind)
  SELECT moved.ref, ${value(now, 'bigint')}, kind FROM moved, unnest(${value(events, 'text[]')}) AS kind)`,
  ];
}

function leasePart({ lease }: Change, value: Value): string[] {
  if (lease === null) return [];
  return [
    `leased AS (
  INSERT INTO leases (order_ref, holder, until)
  SELECT moved.ref, ${value(lease, 'uuid')}, now() + make_interval(secs => ${value(LEASE_MS / 1000, 'float')}) FROM moved
  ON CONFLICT (order_ref) DO UPDATE SET holder = excluded.holder, until = excluded.until)`,
  ];
}

function idempotencyPart({ idempotency }: Change, value: Value): string[] {
  if (idempotency === null) return [];
  const { tenant, key, asked, mac } = idempotency;
  const bytes = (given: Uint8Array) => value(Buffer.from(given), 'bytea');
  return [
    `remembered AS (
  INSERT INTO idempotency (tenant, key, asked, mac, order_ref)
  SELECT ${value(tenant, 'text')}, ${bytes(key)}, ${bytes(asked)}, ${bytes(mac)}, moved.ref FROM moved)`,
  ];
}

function pluginAnswerPart({ pluginAnswer }: Change, value: Value): string[] {
  if (pluginAnswer === undefined) return [];
  const { error, mac } = pluginAnswer;
  const extension = pluginAnswer.extension && Buffer.from(pluginAnswer.extension);
  return [
    `plugin_answered AS (
  INSERT INTO plugin_answers (order_ref, extension, error, mac)
  SELECT moved.ref, ${value(extension, 'bytea')}, ${value(error, 'text')}, ${value(Buffer.from(mac), 'bytea')} FROM moved
  ON CONFLICT (order_ref) DO UPDATE SET extension = excluded.extension, error = excluded.error, mac = excluded.mac)`,
  ];
}

/** Writes checked answers; one that is there already stays. For a step that isn't complete, outside {@link commit}. */
export async function writeAnswers(sql: Sql, ref: Cid, answers: readonly DeliveryAnswer[]): Promise<void> {
  const values: unknown[] = [];
  const value: Value = (given, type) => `$${values.push(given)}::${type}`;
  const statements = answers.flatMap((answer) => answer.statements);
  const text = `WITH moved AS (SELECT ${value(ref, 'text')} AS ref), answered AS (
  UPDATE deliveries AS d SET state = 'answered', last_error = NULL, answer = a.answer, answer_envelopes = a.envelopes,
    answer_attachments = a.attachments, attachments = NULL
  FROM ${answerRows(answers, value)}
  WHERE d.state = 'owed' AND a.envelope = d.envelope AND a.verb = d.verb AND a.party = d.party),
${statementsPart(statements, value).join(',\n')} SELECT`;
  await sql.query(text, values);
}
