import type { Cid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import type { Identity } from './identity.js';
import type { SigningKey } from './signing-key.js';
import { signStatement, verifySignature, type Statement, type StatementOf } from './statement.js';
import { revocationStatement } from './statement-types.js';

/** A signed end of an identity chain. */
export type Revocation = StatementOf<typeof revocationStatement>;

/** Revokes the chain of `identity`, by its newest key or the first document's recovery key. */
export function revokeIdentity(
  identity: Cid,
  reason: string,
  key: SigningKey,
  now: number,
): Promise<Statement<Revocation['body']>> {
  return signStatement(revocationStatement, { issuer: identity, order: null, createdAt: now, identity, reason }, [key]);
}

/**
 * Holds a revocation against a chain as its line goes, oldest document first. A retired key revokes nothing.
 *
 * @throws `signature_invalid` unless it is by the newest document's key or by the first one's recovery key;
 * `identity_invalid` where it speaks of another chain
 */
export function verifyRevocation(revocation: Revocation, chain: readonly Identity[]): void {
  const [first, newest] = [chain[0], chain.at(-1)];
  if (first === undefined || newest === undefined || !chain.some(({ cid }) => cid === revocation.body.identity)) {
    throw new DtaError('identity_invalid', 'revocation of another chain');
  }
  try {
    verifySignature(revocation, newest.keys.sign);
  } catch (notByNewest) {
    if (first.recovery === null) throw notByNewest;
    verifySignature(revocation, first.recovery);
  }
}
