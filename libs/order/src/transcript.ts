import { ascii, bytesEqual, cidToBytes, encodeCanonical, type Cid } from '@dta/codec';
import { addPoints, addVectors, evaluateVector, sha256, type Group } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { NEW_SETUP, verifyAcceptance, assertNewSetup } from './acceptance.js';
import { verifyDeal } from './deal.js';
import { verifyEnrolment } from './enrolment.js';
import type { Evidence } from './evidence.js';
import { groupOf } from './group-of.js';
import {
  acceptanceStatement,
  dealStatement,
  enrolmentStatement,
  manifestStatement,
  type Acceptance,
  type Deal,
  type Enrolment,
  type Manifest,
} from './statements.js';
import { checkTerms } from './terms.js';

/** A setup whose statements were each checked, before anything is added up: who is a member, and whose deals count. */
export interface Dealt {
  /** of the order's key, its points and shares */
  readonly group: Group;
  readonly enrolment: Enrolment;
  readonly deals: ReadonlyMap<number, Deal>;
  /** indices of the members, rising */
  readonly members: readonly number[];
  readonly epoch: number;
  /** what the Manifest names; with n = 1, where there is none, what it would */
  readonly lists: Lists;
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
 * Checks each statement of the setup in `evidence` by itself: terms, Enrolment, and for n > 1 Acceptances, Deals and
 * Manifest, for n = 1 the one Deal. A member opens its shares after this and before {@link verifySetup}: where the deals
 * add up to no key, only a share that doesn't fit shows whose fault it is.
 *
 * @throws what the statements' own checks throw, with the `dealer` at fault in a Deal's; `transcript_mismatch` where the
 * Manifest's lists don't fit
 */
export function verifyDealt(evidence: Evidence): Dealt {
  const found = dealt.get(evidence) ?? checkDealt(evidence);
  dealt.set(evidence, found);
  return found;
}

/**
 * Checks the setup in `evidence` as {@link verifyDealt} does, and computes what follows from it. Everyone who signs or
 * relies on a certificate computes it for itself.
 *
 * @throws as {@link verifyDealt}; `point_invalid` for a key, or another sum of points, that is the identity
 */
export function verifySetup(evidence: Evidence): Setup {
  const setup = verified.get(evidence) ?? computeSetup(evidence);
  verified.set(evidence, setup);
  return setup;
}

/** Evidence never changes, so what was found of it stands: P checks n Confirmations against one setup. */
const verified = new WeakMap<Evidence, Setup>();
const dealt = new WeakMap<Evidence, Dealt>();

function checkDealt(evidence: Evidence): Dealt {
  const { request } = evidence;
  checkTerms(request, evidence.directory);
  const enrolment = evidence.one(enrolmentStatement);
  verifyEnrolment(enrolment, evidence);
  const alone = request.body.fiduciaries.length === 1;
  const acceptances = alone ? new Map<number, Acceptance>() : verifyAcceptances(enrolment, evidence);
  const deals = verifyDeals(enrolment, acceptances, evidence);
  const lists = alone
    ? aloneLists(deals, evidence)
    : manifestLists(evidence.one(manifestStatement), evidence, enrolment, acceptances, deals);
  return {
    group: groupOf(request),
    enrolment,
    deals: new Map(lists.deals.map(([dealer]) => [dealer, dealOf(deals, dealer)])),
    members: lists.members.map(([index]) => index),
    epoch: NEW_SETUP.epoch,
    lists,
  };
}

function computeSetup(evidence: Evidence): Setup {
  const setup = verifyDealt(evidence);
  const { group, enrolment, deals, lists } = setup;
  const vector = addVectors(
    group,
    [...deals.values()].map(({ body }) => body.points),
  );
  const [key] = vector;
  if (key === undefined) throw new DtaError('transcript_mismatch', 'a setup has at least one deal');
  return {
    ...setup,
    transcript: hashTranscript(evidence, enrolment, lists),
    vector,
    vectorHash: sha256(...vector),
    commitment: addPoints(group, key, enrolment.body.ec),
  };
}

/** Every Acceptance in `evidence`, checked, by member; two by one member are refused. @throws as `verifyAcceptance` */
export function verifyAcceptances(enrolment: Enrolment, evidence: Evidence): Map<number, Acceptance> {
  return byIndex(evidence.all(acceptanceStatement), (acceptance) => verifyAcceptance(acceptance, enrolment, evidence));
}

/** Every Deal in `evidence`, checked, by dealer; two by one dealer are refused. @throws as `verifyDeal` */
export function verifyDeals(
  enrolment: Enrolment,
  acceptances: ReadonlyMap<number, Acceptance>,
  evidence: Evidence,
): Map<number, Deal> {
  return byIndex(evidence.all(dealStatement), (deal) => verifyDeal(deal, enrolment, acceptances, evidence));
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

interface Lists {
  readonly round: number;
  readonly members: readonly (readonly [number, Cid, Cid | null])[];
  readonly deals: readonly (readonly [number, Cid])[];
}

/** n = 1: the one deal is the whole, and there is no Manifest. */
function aloneLists(deals: ReadonlyMap<number, Deal>, evidence: Evidence): Lists {
  const [only] = evidence.request.body.fiduciaries;
  if (only === undefined) throw new DtaError('terms_invalid', 'an order names a fiduciary');
  if (evidence.all(manifestStatement).length > 0 || evidence.all(acceptanceStatement).length > 0)
    throw new DtaError('transcript_mismatch', 'an order of one fiduciary has no Manifest and no Acceptance');
  return { round: 0, members: [[1, only, null]], deals: [[1, dealOf(deals, 1).cid]] };
}

/** A new order's Manifest: by P; its members are the listed dealers, at least minDealers, each as the order names it. */
function manifestLists(
  manifest: Manifest,
  evidence: Evidence,
  enrolment: Enrolment,
  acceptances: ReadonlyMap<number, Acceptance>,
  deals: ReadonlyMap<number, Deal>,
): Lists {
  const { request } = evidence;
  const { body } = manifest;
  evidence.assertBy(manifest, evidence.principal);
  assertNewSetup(body, enrolment);
  const fits =
    body.round < request.body.fiduciaries.length && // at most n rounds
    body.excluded.length === 0 && // nobody could check a reason yet: Complaints have no place
    body.threshold === request.body.threshold &&
    body.deals.length >= request.body.minDealers &&
    body.members.length === body.deals.length &&
    body.deals.every(([dealer, cid]) => deals.get(dealer)?.cid === cid) &&
    body.members.every(
      ([index, member, acceptance], at) =>
        body.deals[at]?.[0] === index &&
        request.body.fiduciaries[index - 1] === member &&
        acceptances.get(index)?.cid === acceptance,
    );
  if (!fits)
    throw new DtaError('transcript_mismatch', 'Manifest does not fit the terms, acceptances and deals of its order');
  return body;
}

function dealOf(deals: ReadonlyMap<number, Deal>, dealer: number): Deal {
  const deal = deals.get(dealer);
  if (deal === undefined)
    throw new DtaError('transcript_mismatch', 'a deal that counts is missing', { metadata: { dealer } });
  return deal;
}

/** SHA-256("DTA-TRANSCRIPT1" ‖ dag-cbor([kind, group, request, enrolment, epoch, mode, base, consent, round, threshold, members, deals])). */
function hashTranscript({ request }: Evidence, enrolment: Enrolment, { round, members, deals }: Lists): Uint8Array {
  const { kind, group, threshold } = request.body;
  const { epoch, mode, base, consent } = NEW_SETUP;
  const list = [
    kind,
    group,
    cidToBytes(request.cid),
    cidToBytes(enrolment.cid),
    epoch,
    mode,
    base,
    consent,
    round,
    threshold,
    members.map(([index, member, acceptance]) => [
      index,
      cidToBytes(member),
      acceptance === null ? null : cidToBytes(acceptance),
    ]),
    deals.map(([index, deal]) => [index, cidToBytes(deal)]),
  ];
  return sha256(ascii('DTA-TRANSCRIPT1'), encodeCanonical(list));
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
