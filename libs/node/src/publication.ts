import { parseCid, type Cid } from '@dta/codec';
import { PUBLISHER_LEASE_MS } from '@dta/contracts';
import type { Block } from '@dta/document-store';
import type { Sql } from './database.js';

/** The newest segment of a role's chain. */
export interface LogHead {
  readonly seq: number;
  readonly segment: Cid;
}

/** A segment that is stored and that the document store may still lack. */
export interface OwedSegment extends LogHead {
  readonly bytes: Uint8Array;
}

/** What the log still lacks. */
export interface PublicationBacklog {
  /** envelopes that are for the log and not yet in it */
  readonly envelopes: number;
  /** how long the oldest has waited; null where none does */
  readonly oldestMs: number | null;
}

/** Asked for by a metric again and again: one look at an index that holds only what is owed. */
export async function publicationBacklog(sql: Sql): Promise<PublicationBacklog> {
  const rows: { envelopes: string; oldest_ms: string | null }[] = await sql.query(
    `SELECT count(*) AS envelopes, (SELECT (extract(epoch FROM now() - created_at) * 1000)::bigint FROM envelopes
       WHERE log AND published_at IS NULL ORDER BY seq LIMIT 1) AS oldest_ms
     FROM envelopes WHERE log AND published_at IS NULL`,
  );
  const [row] = rows;
  const oldest = row?.oldest_ms ?? null;
  return { envelopes: Number(row?.envelopes ?? 0), oldestMs: oldest === null ? null : Math.max(0, Number(oldest)) };
}

/** The newest segment that the document store has, or null: whoever is told of it finds it there. */
export async function publishedHead(sql: Sql): Promise<LogHead | null> {
  const rows: { seq: string; cid: string }[] = await sql.query(
    'SELECT seq, cid FROM segments WHERE published_at IS NOT NULL ORDER BY seq DESC LIMIT 1',
  );
  const [row] = rows;
  return row === undefined ? null : { seq: Number(row.seq), segment: parseCid(row.cid) };
}

/**
 * Holds while no own document is known that isn't among the generations of parameter `$n`: where the key file was changed,
 * who still runs on the old one leaves the log alone, or a predecessor would sign after its successor.
 */
const isNewest = (n: number) => `NOT EXISTS (SELECT FROM identities WHERE own AND cid <> ALL ($${n}::text[]))`;

/**
 * Takes or renews the right to publish, where there is something to publish: the head of the chain then, itself null before
 * the first segment; undefined where nothing is owed, another replica is at it, or one with a newer key file has begun. A replica that loses the right in
 * the middle does no harm: {@link storeSegment} is guarded by the head, and what is put is put by its CID.
 */
export async function takePublication(
  sql: Sql,
  holder: string,
  generations: readonly Cid[],
): Promise<LogHead | null | undefined> {
  const rows: { seq: string | null; segment: string | null }[] = await sql.query(
    `UPDATE log_head SET publisher = $1, until = now() + make_interval(secs => $2::float / 1000)
     WHERE (publisher IS NULL OR publisher = $1 OR until < now() OR until > now() + make_interval(secs => $2::float / 1000)) AND ${isNewest(3)} AND (
       EXISTS (SELECT FROM envelopes WHERE log AND segment IS NULL) OR EXISTS (SELECT FROM segments WHERE published_at IS NULL)
       OR EXISTS (SELECT FROM identities WHERE own AND published_at IS NULL))
     RETURNING seq, segment`,
    [holder, PUBLISHER_LEASE_MS, [...generations]],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  return row.seq === null || row.segment === null ? null : { seq: Number(row.seq), segment: parseCid(row.segment) };
}

/** Gives the right back, so that another replica need not wait. */
export async function dropPublication(sql: Sql, holder: string): Promise<void> {
  await sql.query('UPDATE log_head SET publisher = NULL, until = NULL WHERE publisher = $1', [holder]);
}

/** Own Identity Documents that the store may still lack. */
export async function owedIdentities(sql: Sql): Promise<Block[]> {
  return blocksOf(await sql.query('SELECT cid, bytes FROM identities WHERE own AND published_at IS NULL ORDER BY seq'));
}

/** Notes that the store has an own Identity Document. */
export async function markIdentityPublished(sql: Sql, cid: Cid): Promise<void> {
  await sql.query('UPDATE identities SET published_at = now() WHERE cid = $1', [cid]);
}

/** The oldest segment that the store may still lack. */
export async function owedSegment(sql: Sql): Promise<OwedSegment | undefined> {
  const rows: { seq: string; cid: string; bytes: Buffer }[] = await sql.query(
    'SELECT seq, cid, bytes FROM segments WHERE published_at IS NULL ORDER BY seq LIMIT 1',
  );
  return rows.map(({ seq, cid, bytes }) => ({
    ...{ seq: Number(seq), segment: parseCid(cid), bytes: new Uint8Array(bytes) },
  }))[0];
}

/** The oldest envelopes for the log that no segment names yet: at most `count`, and about `maxBytes` of them. */
export async function unsignedEnvelopes(sql: Sql, count: number, maxBytes: number): Promise<Block[]> {
  return blocksOf(
    await sql.query(
      `SELECT cid, bytes FROM (
         SELECT seq, cid, bytes, sum(octet_length(bytes)) OVER (ORDER BY seq) - octet_length(bytes) AS before FROM (
           SELECT seq, cid, bytes FROM envelopes WHERE log AND segment IS NULL ORDER BY seq LIMIT $1) AS oldest) AS counted
       WHERE before < $2 ORDER BY seq`,
      [count, maxBytes],
    ),
  );
}

/** Envelopes by CID, as far as their bytes are there. */
export async function envelopeBlocks(sql: Sql, cids: readonly Cid[]): Promise<Block[]> {
  return blocksOf(
    await sql.query('SELECT cid, bytes FROM envelopes WHERE cid = ANY ($1) AND bytes IS NOT NULL', [[...cids]]),
  );
}

/**
 * Makes a signed segment the next of the chain, with its envelopes: one statement, so one transaction, which holds the head's
 * row. False, and nothing written, where the head is no longer what the segment follows: another replica was quicker, and
 * a segment that was never stored was never anywhere. Nor where a newer key file is in use by then.
 */
export async function storeSegment(
  sql: Sql,
  { seq, segment, bytes }: OwedSegment,
  prev: Cid | null,
  envelopes: readonly Cid[],
  generations: readonly Cid[],
): Promise<boolean> {
  const moved: unknown[] = await sql.query(
    `WITH moved AS (
       UPDATE log_head SET seq = $1, segment = $2 WHERE segment IS NOT DISTINCT FROM $3 AND ${isNewest(6)}
       RETURNING seq),
     kept AS (INSERT INTO segments (seq, cid, bytes) SELECT moved.seq, $2, $4 FROM moved),
     named AS (UPDATE envelopes SET segment = moved.seq FROM moved WHERE cid = ANY ($5))
     SELECT seq FROM moved`,
    [seq, segment, prev, Buffer.from(bytes), [...envelopes], [...generations]],
  );
  return moved.length > 0;
}

/** Notes that the store has a segment and its envelopes. */
export async function markPublished(sql: Sql, seq: number, envelopes: readonly Cid[]): Promise<void> {
  await sql.query(
    `WITH marked AS (UPDATE segments SET published_at = now() WHERE seq = $1 AND published_at IS NULL)
     UPDATE envelopes SET published_at = now() WHERE cid = ANY ($2) AND published_at IS NULL`,
    [seq, [...envelopes]],
  );
}

/** Envelopes whose bytes leave their rows in one go. */
const FORGOTTEN_AT_A_TIME = 1_000;

/** Takes the bytes out of rows published a week ago, unless a message still has to be sent. Gives how many. */
export async function forgetPublished(sql: Sql): Promise<number> {
  const rows: unknown[] = await sql.query(
    `UPDATE envelopes SET bytes = NULL WHERE cid IN (
       SELECT cid FROM envelopes AS e WHERE published_at < now() - interval '7 days' AND bytes IS NOT NULL
         AND NOT EXISTS (SELECT FROM deliveries AS d WHERE d.envelope = e.cid AND d.state = 'owed')
       LIMIT $1) RETURNING cid`,
    [FORGOTTEN_AT_A_TIME],
  );
  return rows.length;
}

function blocksOf(rows: readonly { cid: string; bytes: Buffer }[]): Block[] {
  return rows.map(({ cid, bytes }) => ({ cid: parseCid(cid), bytes: new Uint8Array(bytes) }));
}
