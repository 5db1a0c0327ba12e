import { bytesEqual } from '@dta/codec';
import { addPoints, addVectors, evaluateVector, sha256 } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { verifyAcceptance } from './acceptance.js';
import { verifyDeal } from './deal.js';
import { verifyEnrolment } from './enrolment.js';
import type { Evidence } from './evidence.js';
import {
  isAlone,
  listsOf,
  setupTermsOf,
  statementsOf,
  transcriptOf,
  type SetupChoice,
  type SetupLists,
  type SetupTerms,
} from './setup.js';
import type { Acceptance, Deal, Manifest } from './statements.js';
import { checkTerms } from './terms.js';

/** A setup whose statements were each checked, before anything is added up: who is a member, and whose deals count. */
export interface Dealt extends SetupTerms {
  readonly choice: SetupChoice;
  readonly round: number;
  readonly deals: ReadonlyMap<number, Deal>;
  /** indices of the members, rising */
  readonly members: readonly number[];
}

/** A setup that was checked whole, and the key that follows from it. */
export interface Setup extends Dealt {
  /** [32] */
  readonly transcript: Uint8Array;
  /** A_0 … A_t−1, points of the group */
  readonly vector: readonly Uint8Array[];
  /** SHA-256(A_0 ‖ A_1 ‖ …) [32] */
  readonly vectorHash: Uint8Array;
  /** Y = A_0 + B_ec, a point of the group */
  readonly commitment: Uint8Array;
}

/**
 * Checks each statement of the setup that `choice` chooses by itself: terms, Enrolment, and for n > 1 Acceptances, Deals
 * and Manifest, for n = 1 the one Deal. What `evidence` has of other rounds and epochs is not looked at. A member opens
 * its shares after this and before {@link verifySetup}: where the deals add up to no key, only a share that doesn't fit
 * shows whose fault it is.
 *
 * @throws what the statements' own checks throw, with the `dealer` at fault in a Deal's; `envelope_invalid` where the
 * Enrolment isn't there; `transcript_mismatch` where the Manifest's lists don't fit
 */
export function verifyDealt(choice: SetupChoice, evidence: Evidence): Dealt {
  return remembered(dealt, choice, evidence, checkDealt);
}

/**
 * Checks the setup that `choice` chooses as {@link verifyDealt} does, and computes what follows from it. Each party that
 * signs or relies on a certificate computes it for itself.
 *
 * @throws as {@link verifyDealt}; `point_invalid` for a key, or another sum of points, that is the identity
 */
export function verifySetup(choice: SetupChoice, evidence: Evidence): Setup {
  return remembered(verified, choice, evidence, computeSetup);
}

/** What was found of each choice: evidence never changes, so it stands. P checks n Confirmations against one setup. */
type Found<T> = WeakMap<Evidence, WeakMap<SetupChoice, T>>;

const verified: Found<Setup> = new WeakMap();
const dealt: Found<Dealt> = new WeakMap();

function remembered<T>(
  memory: Found<T>,
  choice: SetupChoice,
  evidence: Evidence,
  find: (choice: SetupChoice, evidence: Evidence) => T,
): T {
  const ofEvidence = memory.get(evidence) ?? new WeakMap<SetupChoice, T>();
  memory.set(evidence, ofEvidence);
  const found = ofEvidence.get(choice) ?? find(choice, evidence);
  ofEvidence.set(choice, found);
  return found;
}

function checkDealt(choice: SetupChoice, evidence: Evidence): Dealt {
  const { request } = evidence;
  checkTerms(request, evidence.directory);
  if (isAlone(evidence) !== (choice.body.type === 'deal'))
    throw new DtaError('transcript_mismatch', 'an order has a Manifest unless it has one fiduciary alone');
  if (choice.body.type === 'manifest') evidence.assertBy(choice, evidence.principal);
  const terms = setupTermsOf(choice, evidence);
  verifyEnrolment(terms.enrolment, evidence);
  const statements = statementsOf(choice, evidence);
  const acceptances = verifyAcceptances(statements.acceptances, terms, evidence);
  const deals = verifyDeals(statements.deals, terms, acceptances, evidence);
  const lists = listsOf(choice, evidence);
  if (choice.body.type === 'manifest')
    assertLists(lists, choice.body as Manifest['body'], evidence, acceptances, deals); // its type says so
  return {
    ...terms,
    choice,
    round: lists.round,
    deals: new Map(lists.deals.map(([dealer]) => [dealer, dealOf(deals, dealer)])),
    members: lists.members.map(([index]) => index),
  };
}

function computeSetup(choice: SetupChoice, evidence: Evidence): Setup {
  const setup = verifyDealt(choice, evidence);
  const { group } = setup;
  const vector = addVectors(
    group,
    [...setup.deals.values()].map(({ body }) => body.points),
  );
  const [key] = vector;
  if (key === undefined) throw new DtaError('transcript_mismatch', 'a setup has at least one deal');
  return {
    ...setup,
    transcript: transcriptOf(choice, evidence),
    vector,
    vectorHash: sha256(...vector),
    commitment: addPoints(group, key, setup.enrolment.body.ec),
  };
}

/** The Acceptances of a setup, checked, by member; two by one member are refused. @throws as `verifyAcceptance` */
export function verifyAcceptances(
  acceptances: readonly Acceptance[],
  setup: SetupTerms,
  evidence: Evidence,
): Map<number, Acceptance> {
  return byIndex(acceptances, (acceptance) => verifyAcceptance(acceptance, setup, evidence));
}

/** The Deals of a setup, checked, by dealer; two by one dealer are refused. @throws as `verifyDeal` */
export function verifyDeals(
  deals: readonly Deal[],
  setup: SetupTerms,
  acceptances: ReadonlyMap<number, Acceptance>,
  evidence: Evidence,
): Map<number, Deal> {
  return byIndex(deals, (deal) => verifyDeal(deal, setup, acceptances, evidence));
}

/** Statements by the index that `verify` gives them. @throws `deal_invalid` where two have the same */
export function byIndex<S>(statements: readonly S[], verify: (statement: S) => number): Map<number, S> {
  const map = new Map<number, S>();
  for (const statement of statements) {
    const index = verify(statement);
    if (map.has(index))
      throw new DtaError('deal_invalid', 'two statements of one kind by one member', { metadata: { member: index } });
    map.set(index, statement);
  }
  return map;
}

/** A Manifest's members are the listed dealers, at least minDealers, each as the order names it. @throws `transcript_mismatch` */
function assertLists(
  { round, members, deals: named }: SetupLists,
  { excluded, threshold }: Manifest['body'],
  { request }: Evidence,
  acceptances: ReadonlyMap<number, Acceptance>,
  deals: ReadonlyMap<number, Deal>,
): void {
  const fits =
    round < request.body.fiduciaries.length && // at most n rounds
    excluded.length === 0 && // no party could check a reason yet: Complaints have no place
    threshold === request.body.threshold &&
    named.length >= request.body.minDealers &&
    members.length === named.length &&
    named.every(([dealer, cid]) => deals.get(dealer)?.cid === cid) &&
    members.every(
      ([index, member, acceptance], at) =>
        named[at]?.[0] === index &&
        request.body.fiduciaries[index - 1] === member &&
        acceptances.get(index)?.cid === acceptance,
    );
  if (!fits)
    throw new DtaError('transcript_mismatch', 'Manifest does not fit the terms, acceptances and deals of its order');
}

function dealOf(deals: ReadonlyMap<number, Deal>, dealer: number): Deal {
  const deal = deals.get(dealer);
  if (deal === undefined)
    throw new DtaError('transcript_mismatch', 'a deal that counts is missing', { metadata: { dealer } });
  return deal;
}

/** A member's public share X_j = Σ_k j^k·A_k, null for the identity. */
export function publicShare(setup: Pick<Setup, 'group' | 'vector'>, member: number): Uint8Array | null {
  return evaluateVector(setup.group, setup.vector, member);
}

/** @throws `transcript_mismatch` unless both name the same setup */
export function assertTranscript(said: Uint8Array, setup: Setup): void {
  if (!bytesEqual(said, setup.transcript)) {
    throw new DtaError('transcript_mismatch', 'the transcript is not the one that the evidence gives');
  }
}
