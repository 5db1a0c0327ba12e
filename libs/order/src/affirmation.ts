import type { Cid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import { signStatement, type StatementOf } from '@dta/identity';
import { affirmedOf, maySpeak, type Author, type Evidence } from './evidence.js';
import { assertForwards, naming } from './forward.js';
import { nothing, type Outcome, type StepContext } from './step.js';
import { affirmationStatement, forwardStatement, type OrderStatement } from './statements.js';

export type Affirmation = StatementOf<typeof affirmationStatement>;

/** Signs that `statements`, of the author's own chain, are its own. */
export function signAffirmation(
  statements: readonly OrderStatement[],
  evidence: Evidence,
  author: Author,
): Promise<Affirmation> {
  return signStatement(affirmationStatement, naming(statements, evidence, author), [author.key]);
}

/** What others than P sign in a setup: a node stores none of these that it hasn't checked as part of a setup that was certified. */
const affirmable: ReadonlySet<OrderStatement['body']['type']> = new Set([
  'enrolment',
  'acceptance',
  'deal',
  'confirmation',
]);

/**
 * Verb `affirm`, of fiduciary and beneficiary: a Forward of the principal's, the Request, and statements that this node made
 * before its keys changed. It stands by its part of the setup as it has stored it, and by nothing else: whoever has the old
 * key could have made it since. Nothing of the order changes.
 *
 * @throws `order_state_conflict` for a statement that isn't stored here; `signature_invalid` for one by another chain;
 * `envelope_invalid` for one of another type, or where the Forward names others than come with it
 */
export async function affirmStatements<O>(order: O, evidence: Evidence, { author }: StepContext): Promise<Outcome<O>> {
  const forward = evidence.messageByPrincipal(forwardStatement);
  const named = evidence.statements.filter(
    (statement) => statement.cid !== forward.cid && statement.cid !== evidence.order,
  );
  assertForwards(forward, named);
  for (const statement of named) {
    evidence.assertBy(statement, author.identity.cid);
    if (!affirmable.has(statement.body.type))
      throw new DtaError('envelope_invalid', `a ${statement.body.type} is not affirmed`);
    if (!evidence.isStored(statement)) {
      throw new DtaError('order_state_conflict', 'this node has not stored what it is to affirm', {
        metadata: { statement: statement.cid },
      });
    }
  }
  const affirmation = await signAffirmation(named, evidence, author);
  return { ...nothing, order, reply: [affirmation], keep: [affirmation], repeats: true };
}

/** The first Affirmation in `evidence` of each chain by its newest document: a principal takes none that leaves anything. */
export function standingAffirmations(evidence: Evidence): Affirmation[] {
  const { directory } = evidence;
  const standing = new Map<Cid, Affirmation>();
  for (const affirmation of evidence.all(affirmationStatement)) {
    const { issuer } = affirmation.body;
    if (issuer === null || !maySpeak(directory.get(issuer), directory)) continue;
    const first = directory.firstOf(issuer);
    if (!standing.has(first)) standing.set(first, affirmation);
  }
  return [...standing.values()];
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
    if (issuer === null || affirmed.has(statement) || directory.isNewest(issuer)) continue;
    if (directory.standingOf(issuer) !== 'sound') continue; // its chain says nothing new at all
    const first = directory.firstOf(issuer);
    found.set(first, [...(found.get(first) ?? []), statement]);
  }
  return found;
}

/**
 * The author's word for what earlier documents of its chain signed of the certificate: the one at hand, or a new one. Null
 * where its newest document signed all of it.
 *
 * @param certified Commitment and certificate
 */
export async function ownAffirmation(
  certified: readonly OrderStatement[],
  evidence: Evidence,
  author: Author,
): Promise<Affirmation | null> {
  const { directory } = evidence;
  const { cid: newest } = author.identity;
  const earlier = certified.filter((statement) => evidence.isBy(statement, newest) && statement.body.issuer !== newest);
  if (earlier.length === 0) return null;
  const isLeft = unaffirmed(certified, evidence).has(directory.firstOf(newest));
  if (isLeft) return signAffirmation(earlier, evidence, author);
  return standingAffirmations(evidence).find(({ body }) => body.issuer === newest) ?? null;
}

/**
 * Checks the answer to `affirm`: its author stands by all that it signed of the certificate before its keys changed, and by
 * nothing else, so that nothing is left to ask it.
 *
 * @param certified Commitment and certificate
 * @throws `signature_invalid`, `envelope_invalid`
 */
export function verifyAffirmation(
  affirmation: Affirmation,
  party: Cid,
  certified: readonly OrderStatement[],
  evidence: Evidence,
): void {
  evidence.assertBy(affirmation as OrderStatement, party); // it is one of them
  const own = new Set(certified.filter((statement) => evidence.isBy(statement, party)).map(({ cid }) => cid));
  const left = unaffirmed(certified, evidence.with(affirmation as OrderStatement)); // as above
  if (left.has(evidence.directory.firstOf(party)) || !affirmation.body.statements.every((cid) => own.has(cid)))
    throw new DtaError('envelope_invalid', 'other statements are affirmed than were asked for');
}
