import type { Cid } from '@dta/codec';
import { signStatement, type Role } from '@dta/identity';
import { signAffirmation, standingAffirmations, unaffirmed } from './affirmation.js';
import { certifiedOf } from './certificate.js';
import type { Evidence } from './evidence.js';
import { signForward } from './forward.js';
import { messageOf } from './messages.js';
import type { Addressee, PrincipalOrder, PrincipalStep, PrincipalVerb } from './principal-order.js';
import { forwardStatement, redemptionStatement } from './statements.js';
import type { StepContext } from './step.js';

/** A message that P still owes a party. */
export interface Owed {
  readonly party: Cid;
  readonly role: Role;
  readonly verb: PrincipalVerb;
  /** the code for which it was refused last */
  readonly lastError: string | null;
  /** of a question: whether it was sealed by and to the newest documents that P knows */
  readonly current: boolean;
  /** of a Commitment: whether it is sealed to the party at all, which may have been frozen then */
  readonly sealed: boolean;
}

/** Whether P asks a party by it for something that a party with new keys would have to say anew. */
export function isQuestion(verb: PrincipalVerb): boolean {
  return messageOf(verb).answers.says.includes('affirmation');
}

/** Whether a message of a redemption was refused because the party lacks the Commitment, or has it by older keys. */
export function lacksCommitment({ verb, lastError }: Pick<Owed, 'verb' | 'lastError'>): boolean {
  const { part, certified } = messageOf(verb);
  return part === 'redemption' && certified && lastError === 'identity_frozen';
}

/**
 * Whether there may be something for {@link renewCommitment} to do: a party has refused the Commitment, or a Redemption, for
 * keys that changed, or one is asked to affirm.
 */
export function mayRenew(owed: readonly Pick<Owed, 'verb' | 'lastError'>[]): boolean {
  return owed.some(
    ({ verb, lastError }) => isQuestion(verb) || (messageOf(verb).certified && lastError === 'identity_frozen'),
  );
}

/**
 * What P does where a Commitment arrives so late that keys have changed: a party that hasn't stored a statement refuses it
 * once its author has a successor. P affirms its own, asks each other author for an Affirmation, and with all of them sends
 * the same Commitment again: to each party that it is still owed, and to each that refuses a Redemption for want of it,
 * whether or not P knew that it lacks it. A Commitment that was owed to a frozen party is sealed to it once it is frozen no
 * more. Null where there is nothing to do, or an author must answer first.
 * A Forward that P keeps for each party names what it has sent to it: one that refuses that too isn't sent it again.
 */
export async function renewCommitment(
  order: PrincipalOrder,
  evidence: Evidence,
  owed: readonly Owed[],
  context: StepContext,
): Promise<PrincipalStep | null> {
  if (order.certificate === null || !mayRenew(owed)) return null;
  const { directory } = evidence;
  const open = owed.filter(({ verb }) => verb === 'affirm');
  const nothingToAsk: PrincipalStep | null =
    open.length === 0 ? null : { order, keep: [], outgoing: [], settled: null, closes: ['affirm'] };
  const late = lacking(order, evidence, owed);
  if (late.length === 0) return nothingToAsk;
  const certificate = certifiedOf(order.certificate, evidence);
  const missing = new Map(unaffirmed(certificate, evidence));
  const firstOfOwn = directory.firstOf(context.author.identity.cid);
  const own = missing.get(firstOfOwn);
  missing.delete(firstOfOwn);
  const said = own === undefined ? [] : [await signAffirmation(own, evidence, context.author)];
  if (missing.size === 0) {
    const affirmations = [...standingAffirmations(evidence), ...said];
    const sent = new Set(affirmations.map(({ cid }) => cid)).add(order.certificate);
    const fresh = late.filter(({ party, sealed }) => {
      const isSealable = directory.standingOf(party) !== 'frozen';
      return isSealable && (!sealed || (affirmations.length > 0 && !wasSent(party, sent, evidence)));
    });
    if (fresh.length === 0) return nothingToAsk;
    const again = late.filter((one) => one.verb === 'commit' || fresh.includes(one)); // what is owed is closed below
    return {
      order,
      keep: [...said, ...(await Promise.all(fresh.map(({ party }) => signSent(party, sent, evidence, context))))],
      // an envelope for each: to all at once the largest would be above what one may have
      outgoing: again.map(({ party, role }) => ({
        statements: [...certificate, ...affirmations],
        addressees: [{ party, role, verb: 'commit', attachments: [] }],
      })),
      settled: null,
      closes: ['commit', 'affirm'],
    };
  }
  // a question by or to a document with a successor gets no good answer any more: all are asked anew
  const anew = open.some(({ current }) => !current);
  const asked = new Set(anew ? [] : open.map(({ party }) => directory.firstOf(party)));
  const toAsk = [...missing].filter(([first]) => !asked.has(first));
  if (toAsk.length === 0 && said.length === 0) return null;
  const questions = await Promise.all(
    toAsk.map(async ([first, statements]) => {
      const forward = await signForward(statements, evidence, context);
      const addressee = partyOf(first, order, evidence);
      return { forward, outgoing: { statements: [forward, evidence.request, ...statements], addressees: [addressee] } };
    }),
  );
  return {
    order,
    keep: [...said, ...questions.map(({ forward }) => forward)],
    outgoing: questions.map(({ outgoing }) => outgoing),
    settled: null,
    ...(anew && { closes: ['affirm'] }),
  };
}

/**
 * To which parties the Commitment is owed, or would be had P known: those that refuse a Redemption for keys that changed. One
 * by a document of P's own that has a successor is refused for itself, and says nothing of what a party lacks.
 */
function lacking({ redemption }: PrincipalOrder, evidence: Evidence, owed: readonly Owed[]): Owed[] {
  const late = owed.filter(({ verb }) => verb === 'commit');
  const issuer = redemption === null ? null : evidence.get(redemptionStatement, redemption).body.issuer;
  if (issuer === null || !evidence.directory.isNewest(issuer)) return late;
  const known = new Set(late.map(({ party }) => party));
  const refusing = owed.filter((one) => lacksCommitment(one) && !known.has(one.party));
  return [...late, ...refusing];
}

/** Whether P has sent all of `statements` to `party` before, as {@link signSent} keeps it. */
function wasSent(party: Cid, statements: ReadonlySet<Cid>, evidence: Evidence): boolean {
  return evidence
    .all(forwardStatement)
    .some(({ body: { statements: said } }) => said[0] === party && [...statements].every((cid) => said.includes(cid)));
}

/** What P keeps of having sent `statements` to `party`. */
function signSent(party: Cid, statements: ReadonlySet<Cid>, evidence: Evidence, { author }: StepContext) {
  return signStatement(
    forwardStatement,
    {
      ...{ issuer: author.identity.cid, order: evidence.order, createdAt: evidence.now },
      statements: [party, ...statements],
    },
    [author.key],
  );
}

/** Who of the order's is of that chain. */
function partyOf(first: Cid, { beneficiary, fiduciaries }: PrincipalOrder, { directory }: Evidence): Addressee {
  const fiduciary = fiduciaries.find((party) => directory.firstOf(party) === first);
  return fiduciary === undefined
    ? { party: beneficiary, role: 'beneficiary', verb: 'affirm', attachments: [] }
    : { party: fiduciary, role: 'fiduciary', verb: 'affirm', attachments: [] };
}
