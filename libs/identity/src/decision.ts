import type { Cid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import type { Identity } from './identity.js';
import type { SigningKey } from './signing-key.js';
import { signStatement, verifySignature, type Statement, type StatementOf } from './statement.js';
import { decisionStatement } from './statement-types.js';

/** A signed end of a fork: which of two successors goes on. */
export type Decision = StatementOf<typeof decisionStatement>;

/** Signs by the recovery key of a chain's first document that the chain goes on with `identity`. */
export function decideFork(
  identity: Cid,
  reason: string,
  recoveryKey: SigningKey,
  now: number,
): Promise<Statement<Decision['body']>> {
  const said = { issuer: identity, order: null, createdAt: now, identity, reason };
  return signStatement(decisionStatement, said, [recoveryKey]);
}

/**
 * Holds a decision against the document that it names and all before it, oldest first.
 *
 * @throws `signature_invalid` unless it is by the first document's recovery key; `identity_invalid` where it names another
 * document
 */
export function verifyDecision(decision: Decision, lineage: readonly Identity[]): void {
  const [first, named] = [lineage[0], lineage.at(-1)];
  if (first === undefined || named === undefined || named.cid !== decision.body.identity) {
    throw new DtaError('identity_invalid', 'decision of another chain');
  }
  if (first.recovery === null) throw new DtaError('signature_invalid', 'this chain has no recovery key');
  verifySignature(decision, first.recovery);
}
