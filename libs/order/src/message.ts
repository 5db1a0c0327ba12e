import type { EnvelopeHeader } from '@dta/envelope';
import { DtaError } from '@dta/errors';
import { Evidence, type Verifier } from './evidence.js';
import type { OrderStatement } from './statements.js';

const NEVER_LOGGED: ReadonlySet<OrderStatement['body']['type']> = new Set(['release', 'complaint']);

/** Whether the shared log may keep an envelope with these: never with a Release or a Complaint, which hold shares. */
export function mayBeLogged(statements: readonly OrderStatement[]): boolean {
  return !statements.some(({ body }) => NEVER_LOGGED.has(body.type));
}

/**
 * Reads what an opened envelope says: every statement verified, all of one order, the message by the sender's own chain.
 *
 * @throws `envelope_invalid` where header and statements don't fit one another, and as `Evidence.read`
 */
export function readStatements(
  header: EnvelopeHeader,
  statements: readonly Uint8Array[],
  verifier: Verifier,
): Evidence {
  if (header.order === null) throw new DtaError('envelope_invalid', 'an envelope of an order names it');
  const evidence = Evidence.read(header.order, statements, verifier);
  const [message] = evidence.statements;
  if (message === undefined || !evidence.isBy(message, header.sender)) {
    throw new DtaError('envelope_invalid', "the message is not by the envelope's sender");
  }
  if (header.log && !mayBeLogged(evidence.statements)) {
    throw new DtaError('envelope_invalid', 'an envelope that must not be logged says that it may be');
  }
  return evidence;
}
