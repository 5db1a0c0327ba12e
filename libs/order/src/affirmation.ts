import type { Cid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import { isStatement, signStatement, type StatementOf } from '@dta/identity';
import { affirmedOf, maySpeak, type Author, type Evidence } from './evidence.js';
import { nothing, type Outcome, type StepContext } from './step.js';
import { affirmationStatement, forwardStatement, type Forward, type OrderStatement } from './statements.js';

export type Affirmation = StatementOf<typeof affirmationStatement>;

/** @throws `envelope_invalid` unless the sender's own word names exactly what it forwards */
export function assertForwards({ body }: Forward, statements: readonly OrderStatement[]): void {
  const said = new Set(body.statements);
  if (said.size !== statements.length || !statements.every(({ cid }) => said.has(cid)))
    throw new DtaError('envelope_invalid', 'the Forward names other statements than come with it');
}

/** Signs that `statements`, of the author's own chain, are its own. */
export function signAffirmation(
  statements: readonly OrderStatement[],
  evidence: Evidence,
  author: Author,
): Promise<Affirmation> {
  return signStatement(
    affirmationStatement,
    {
      issuer: author.identity.cid,
      order: evidence.order,
      createdAt: evidence.now,
      statements: statements.map(({ cid }) => cid),
    },
    [author.key],
  );
}

/**
 * Verb `affirm`, of fiduciary and beneficiary: a Forward of the principal's, the Request, and statements that this node made
 * before its keys changed. It stands by those that it has stored, and by no others: whoever has the old key could have made
 * them since. Nothing of the order changes.
 *
 * @throws `order_state_conflict` for a statement that isn't stored here; `signature_invalid` for one by another chain;
 * `envelope_invalid` where the Forward names others than come with it
 */
export async function affirmStatements<O>(order: O, evidence: Evidence, { author }: StepContext): Promise<Outcome<O>> {
  const forward = evidence.messageByPrincipal(forwardStatement);
  const named = evidence.statements.filter(
    (statement) => statement.cid !== forward.cid && statement.cid !== evidence.order,
  );
  assertForwards(forward, named);
  for (const statement of named) {
    evidence.assertBy(statement, author.identity.cid);
    if (!evidence.isStored(statement)) {
      throw new DtaError('order_state_conflict', 'this node has not stored what it is to affirm', {
        metadata: { statement: statement.cid },
      });
    }
  }
  const affirmation = await signAffirmation(named, evidence, author);
  return { ...nothing, order, reply: [affirmation], keep: [affirmation] };
}

/** Affirmations in `evidence` whose authors have no newer keys since. */
export function standingAffirmations(evidence: Evidence): Affirmation[] {
  return evidence
    .all(affirmationStatement)
    .filter(({ body: { issuer } }) => issuer !== null && maySpeak(evidence.directory.get(issuer), evidence.directory));
}

/**
 * Those of `statements` whose author has newer keys and doesn't affirm them in `evidence`: who hasn't stored them refuses
 * them. By the chain's first CID.
 */
export function unaffirmed(
  statements: readonly OrderStatement[],
  evidence: Evidence,
): ReadonlyMap<Cid, readonly OrderStatement[]> {
  const { directory } = evidence;
  const affirmed = affirmedOf([...statements, ...standingAffirmations(evidence)], directory);
  const found = new Map<Cid, OrderStatement[]>();
  for (const statement of statements) {
    const { issuer } = statement.body;
    if (issuer === null || affirmed.has(statement) || directory.successorsOf(issuer).length === 0) continue;
    if (directory.standingOf(issuer) !== 'sound') continue; // its chain says nothing new at all
    const first = directory.firstOf(issuer);
    found.set(first, [...(found.get(first) ?? []), statement]);
  }
  return found;
}

/**
 * Checks the answer to `affirm`: it stands by exactly what one of this principal's Forwards asked for.
 *
 * @throws `signature_invalid`, `envelope_invalid`
 */
export function verifyAffirmation(affirmation: Affirmation, party: Cid, evidence: Evidence): void {
  evidence.assertBy(affirmation as OrderStatement, party); // it is one of them
  const said = affirmation.body.statements.join(' ');
  const asked = evidence.statements.some(
    (statement) => isStatement(forwardStatement, statement) && statement.body.statements.join(' ') === said,
  );
  if (!asked) throw new DtaError('envelope_invalid', 'other statements are affirmed than were asked for');
}
