import type { Cid } from '@dta/codec';
import { isDtaError } from '@dta/errors';
import {
  assertNotAhead,
  parseStatement,
  revocationStatement,
  verifyDecision,
  verifyRevocation,
  type Decision,
  type Identity,
  type IdentityDirectory,
  type Revocation,
} from '@dta/identity';
import { decisionsOf, earlyRevocations } from './chain-rows.js';
import type { Sql } from './database.js';

/** A Decision that counts, with the document that it names and all before that, oldest first. */
export interface JudgedDecision {
  readonly first: Cid;
  readonly document: Cid;
  readonly bytes: Uint8Array;
  readonly lineage: readonly Identity[];
}

/**
 * Holds a Decision against what is at hand of its chain, and has `directory` go by it.
 *
 * @returns null for one that is stored: that one was checked when it came
 * @throws `identity_not_found`, `signature_invalid`, `time_ahead`; `identity_invalid` where the recovery key decided for
 * another document before
 */
export async function judgeDecision(
  sql: Sql,
  decision: Decision,
  directory: IdentityDirectory,
  now: number,
): Promise<JudgedDecision | null> {
  const { identity: document, createdAt } = decision.body;
  const first = directory.firstOf(document);
  if ((await decisionsOf(sql, first)).has(document)) return null;
  assertNotAhead(createdAt, now);
  const lineage = directory.lineageOf(document);
  verifyDecision(decision, lineage);
  directory.decide(document, 'recovery');
  return { first, document, bytes: decision.bytes, lineage };
}

/**
 * Holds a Revocation against a chain as `directory` goes by it. It may name any document of the chain that is known.
 *
 * @returns by which of the two keys that may revoke
 * @throws `signature_invalid`, `identity_invalid`
 */
export function assertRevokes(
  revocation: Revocation,
  first: Cid,
  directory: IdentityDirectory,
): ReturnType<typeof verifyRevocation> {
  return verifyRevocation(revocation, directory.chainOf(first), directory.documentsOf(first));
}

/**
 * The Revocation that ends a chain and came before what it needs: before its chain was admitted, or its document known. While
 * the chain is frozen only the recovery key's counts: a freeze can be ended, a Revocation can't.
 */
export async function earlyEnd(sql: Sql, first: Cid, directory: IdentityDirectory): Promise<Uint8Array | undefined> {
  const documents = directory.documentsOf(first);
  const early = await earlyRevocations(
    sql,
    documents.map(({ cid }) => cid),
  );
  const isFrozen = directory.standingOf(first) === 'frozen';
  return early.find((bytes) => {
    try {
      const by = assertRevokes(parseStatement([revocationStatement], bytes), first, directory);
      return by === 'recovery' || !isFrozen;
    } catch (error) {
      if (!isDtaError(error)) throw error;
      return false;
    }
  });
}
