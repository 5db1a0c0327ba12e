import type { Cid } from '@dta/codec';
import type { Identity, Revocation } from '@dta/identity';
import type { Sql } from './database.js';

/** How many Revocations of chains that aren't admitted are kept of one that tells them: the newest. */
export const EARLY_REVOCATIONS_MAX = 64;

/** What a node knows of chains, one row of it. */
export type ChainRow = { readonly seq: bigint; readonly first: Cid } & (
  | { readonly kind: 'document'; readonly bytes: Uint8Array }
  | { readonly kind: 'revocation'; readonly bytes: Uint8Array }
  /** without bytes: the operator's */
  | { readonly kind: 'decision'; readonly document: Cid; readonly bytes: Uint8Array | null }
);

interface Row {
  seq: string;
  kind: ChainRow['kind'];
  first: Cid;
  document: Cid;
  bytes: Buffer | null;
}

/** All that was written after `seen`, in that order. */
export async function readChainRows(sql: Sql, seen: bigint): Promise<ChainRow[]> {
  const rows: Row[] = await sql.query(
    `SELECT seq, 'document' AS kind, first, cid AS document, bytes FROM identities WHERE seq > $1
     UNION ALL SELECT seq, 'revocation', first, first, bytes FROM revocations WHERE seq > $1
     UNION ALL SELECT seq, 'decision', first, document, bytes FROM decisions WHERE seq > $1
     ORDER BY seq`,
    [seen.toString()],
  );
  return rows.map(({ seq, kind, first, document, bytes }): ChainRow => {
    const place = { seq: BigInt(seq), first };
    const copy = bytes === null ? null : new Uint8Array(bytes);
    return kind === 'decision'
      ? { ...place, kind, document, bytes: copy }
      : { ...place, kind, bytes: copy ?? new Uint8Array() };
  });
}

/**
 * Has one writer at a time for the rest of a transaction: who reads by number must never meet a higher one first, and which
 * of two successors was first is decided once for all replicas.
 */
export async function lockChains(sql: Sql): Promise<void> {
  await sql.query("SELECT pg_advisory_xact_lock(hashtext('dta identities'))");
}

/** Writes a document of an admitted chain; `own` where it is this node's. */
export async function insertDocument(sql: Sql, first: Cid, { cid, bytes }: Identity, own = false): Promise<void> {
  await sql.query(
    `INSERT INTO identities (cid, first, bytes, own) VALUES ($1, $2, $3, $4)
     ON CONFLICT (cid) DO UPDATE SET own = true WHERE excluded.own AND NOT identities.own`,
    [cid, first, Buffer.from(bytes), own],
  );
}

/** Writes the Revocation of an admitted chain, in the place of one that ended nothing. */
export async function insertRevocation(sql: Sql, first: Cid, bytes: Uint8Array): Promise<void> {
  await sql.query(
    `INSERT INTO revocations (first, bytes) VALUES ($1, $2)
     ON CONFLICT (first) DO UPDATE SET bytes = excluded.bytes, seq = excluded.seq`,
    [first, Buffer.from(bytes)],
  );
}

/** Writes with which document a chain goes on; without bytes: by the operator's word. */
export async function insertDecision(sql: Sql, first: Cid, document: Cid, bytes: Uint8Array | null): Promise<void> {
  await sql.query('INSERT INTO decisions (first, document, bytes) VALUES ($1, $2, $3)', [
    first,
    document,
    bytes === null ? null : Buffer.from(bytes),
  ]);
}

/** Decisions of a chain by its recovery key, by the document that they name. */
export async function decisionsOf(sql: Sql, first: Cid): Promise<Map<Cid, Uint8Array>> {
  const rows: { document: Cid; bytes: Buffer }[] = await sql.query(
    'SELECT document, bytes FROM decisions WHERE first = $1 AND bytes IS NOT NULL ORDER BY seq DESC',
    [first],
  );
  return new Map(rows.map(({ document, bytes }) => [document, new Uint8Array(bytes)]));
}

/** Keeps a Revocation of a chain that isn't admitted; of one teller the newest alone. */
export async function keepEarlyRevocation(
  sql: Sql,
  { cid, bytes, body }: Revocation,
  teller: Cid | null,
): Promise<void> {
  await sql.query(
    'INSERT INTO early_revocations (cid, identity, bytes, teller) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
    [cid, body.identity, Buffer.from(bytes), teller],
  );
  await sql.query(
    `DELETE FROM early_revocations WHERE teller = $1 AND cid NOT IN
       (SELECT cid FROM early_revocations WHERE teller = $1 ORDER BY at DESC, cid LIMIT $2)`,
    [teller, EARLY_REVOCATIONS_MAX],
  );
}

/** What was kept of Revocations that name one of these documents. */
export async function earlyRevocations(sql: Sql, documents: readonly Cid[]): Promise<Uint8Array[]> {
  const rows: { bytes: Buffer }[] = await sql.query(
    'SELECT bytes FROM early_revocations WHERE identity = ANY ($1) ORDER BY at, cid',
    [[...documents]],
  );
  return rows.map(({ bytes }) => new Uint8Array(bytes));
}
