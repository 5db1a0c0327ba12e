import type { Cid } from '@dta/codec';
import type { Role } from '@dta/identity';
import { signAffirmation, standingAffirmations, unaffirmed } from './affirmation.js';
import { certifiedOf } from './certificate.js';
import type { Evidence } from './evidence.js';
import { signForward } from './forward.js';
import type { Addressee, PrincipalOrder, PrincipalStep, PrincipalVerb } from './principal-order.js';
import { forwardStatement } from './statements.js';
import type { StepContext } from './step.js';

/** A message that P still owes somebody. */
export interface Owed {
  readonly party: Cid;
  readonly role: Role;
  readonly verb: PrincipalVerb;
  /** the code for which it was refused last */
  readonly lastError: string | null;
  /** of a question: whether it was sealed by and to the newest documents that P knows */
  readonly current: boolean;
}

/** Messages that carry the certificate. */
const certified: ReadonlySet<PrincipalVerb> = new Set(['commit', 'release', 'redeem']);

/**
 * Whether there may be something for {@link renewCommitment} to do: who still lacks the Commitment has refused it, or
 * somebody is asked to affirm.
 */
export function mayRenew(owed: readonly Pick<Owed, 'verb' | 'lastError'>[]): boolean {
  return (
    owed.some(({ verb }) => verb === 'affirm') ||
    (owed.some(({ verb }) => verb === 'commit') &&
      owed.some(({ verb, lastError }) => certified.has(verb) && lastError === 'identity_frozen'))
  );
}

/**
 * What P does where a Commitment arrives so late that keys have changed: who hasn't stored a statement refuses it once its
 * author has a successor. P affirms its own, asks each other author for an Affirmation, and with all of them sends the
 * same Commitment again to whom it is still owed. Null where there is nothing to do, or somebody must answer first.
 * A Forward that P keeps names the Affirmations that it has sent: who refuses them too isn't sent them again.
 */
export async function renewCommitment(
  order: PrincipalOrder,
  evidence: Evidence,
  owed: readonly Owed[],
  context: StepContext,
): Promise<PrincipalStep | null> {
  if (order.certificate === null || !mayRenew(owed)) return null;
  const late = owed.filter(({ verb }) => verb === 'commit');
  const open = owed.filter(({ verb }) => verb === 'affirm');
  const nothingToAsk: PrincipalStep | null =
    open.length === 0 ? null : { order, keep: [], outgoing: [], settled: null, closes: ['affirm'] };
  if (late.length === 0) return nothingToAsk;
  const certificate = certifiedOf(order.certificate, evidence);
  const { directory } = evidence;
  const missing = new Map(unaffirmed(certificate, evidence));
  const firstOfOwn = directory.firstOf(context.author.identity.cid);
  const own = missing.get(firstOfOwn);
  missing.delete(firstOfOwn);
  const said = own === undefined ? [] : [await signAffirmation(own, evidence, context.author)];
  if (missing.size === 0) {
    const affirmations = [...standingAffirmations(evidence), ...said];
    const forwarded = new Set(evidence.all(forwardStatement).flatMap(({ body }) => body.statements));
    if (affirmations.every(({ cid }) => forwarded.has(cid))) return nothingToAsk;
    const statements = [...certificate, ...affirmations];
    return {
      order,
      keep: [...said, await signForward(affirmations, evidence, context)],
      // an envelope for each: to all at once the largest would be above what one may have
      outgoing: late.map(({ party, role }) => ({
        statements,
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

/** Who of the order's is of that chain. */
function partyOf(first: Cid, { beneficiary, fiduciaries }: PrincipalOrder, { directory }: Evidence): Addressee {
  const fiduciary = fiduciaries.find((party) => directory.firstOf(party) === first);
  return fiduciary === undefined
    ? { party: beneficiary, role: 'beneficiary', verb: 'affirm', attachments: [] }
    : { party: fiduciary, role: 'fiduciary', verb: 'affirm', attachments: [] };
}
