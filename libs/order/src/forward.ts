import { DtaError } from '@dta/errors';
import { signStatement } from '@dta/identity';
import type { Author, Evidence } from './evidence.js';
import { forwardStatement, type Forward, type OrderStatement } from './statements.js';
import type { StepContext } from './step.js';

/** P's own word before statements by others. */
export function signForward(statements: readonly OrderStatement[], evidence: Evidence, { author }: StepContext) {
  return signStatement(forwardStatement, naming(statements, evidence, author), [author.key]);
}

/** The body of a statement that says no more than which others its author means. */
export function naming(statements: readonly OrderStatement[], evidence: Evidence, { identity }: Author) {
  return {
    issuer: identity.cid,
    order: evidence.order,
    createdAt: evidence.now,
    statements: statements.map(({ cid }) => cid),
  };
}

/** @throws `envelope_invalid` unless the sender's own word names exactly what it forwards */
export function assertForwards({ body }: Forward, statements: readonly OrderStatement[]): void {
  const said = new Set(body.statements);
  if (said.size !== statements.length || !statements.every(({ cid }) => said.has(cid)))
    throw new DtaError('envelope_invalid', 'the Forward names other statements than come with it');
}
