import type { EnvelopeHeader } from '@dta/envelope';
import { DtaError } from '@dta/errors';
import type { StatementType } from '@dta/identity';
import { Evidence, type Verifier } from './evidence.js';
import type { OrderStatement } from './statements.js';
import {
  commitmentStatement,
  forwardStatement,
  manifestStatement,
  redemptionStatement,
  requestStatement,
} from './statements.js';
import type { PrincipalVerb } from './principal.js';

/** What `statements[0]` must be, by verb (docs/protocol.md §6, "Verbs and replies"). */
export const messageOf = {
  enrol: requestStatement,
  accept: requestStatement,
  deal: forwardStatement,
  confirm: manifestStatement,
  manifest: manifestStatement,
  commit: commitmentStatement,
  release: redemptionStatement,
  redeem: redemptionStatement,
  receipt: forwardStatement,
} as const satisfies Record<PrincipalVerb, StatementType>;

/** What never goes into the shared log: an envelope with one of these says `log: false`. */
const NEVER_LOGGED: ReadonlySet<OrderStatement['body']['type']> = new Set(['release', 'complaint']);

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
  if (header.log && evidence.statements.some(({ body }) => NEVER_LOGGED.has(body.type))) {
    throw new DtaError('envelope_invalid', 'an envelope that must not be logged says that it may be');
  }
  return evidence;
}
