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
 * @param known all documents of the chain, those beside the line too: it may name any of them, since its owner's may be one
 * that isn't followed here
 * @returns by which of the two keys that may revoke
 * @throws `signature_invalid` unless it is by the newest document's key or by the first one's recovery key;
 * `identity_invalid` where it speaks of another chain
 */
export function verifyRevocation(
  revocation: Revocation,
  line: readonly Identity[],
  known: readonly Identity[] = line,
): 'newest' | 'recovery' {
  const [first, newest] = [line[0], line.at(-1)];
  if (first === undefined || newest === undefined || !known.some(({ cid }) => cid === revocation.body.identity)) {
    throw new DtaError('identity_invalid', 'revocation of another chain');
  }
  try {
    verifySignature(revocation, newest.keys.sign);
    return 'newest';
  } catch (notByNewest) {
    if (first.recovery === null) throw notByNewest;
    verifySignature(revocation, first.recovery);
    return 'recovery';
  }
}
