import { ascii, bytesEqual, cidToBytes, encodeCanonical, type Cid } from '@dta/codec';
import { sha256, type Group } from '@dta/crypto';
import { DtaError } from '@dta/errors';
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
  type Request,
} from './statements.js';

/** Which setup of an order it is: what every Acceptance, Deal and Manifest of it says (docs/protocol.md §6). */
export interface SetupTerms {
  /** of the order's key, its points and shares */
  readonly group: Group;
  readonly threshold: number;
  readonly enrolment: Enrolment;
  readonly epoch: number;
  readonly mode: Manifest['body']['mode'];
  /** transcript [32] of the setup that this one renews, or null */
  readonly base: Uint8Array | null;
  readonly consent: Cid | null;
}

/** The members of a setup, and the Deals that count: the rows of its Manifest. With n = 1 there is no Manifest: the rows it would have. */
export interface SetupLists {
  readonly round: number;
  readonly members: readonly (readonly [number, Cid, Cid | null])[];
  readonly deals: readonly (readonly [number, Cid])[];
}

/** What chooses a setup's statements: its Manifest, or with n = 1 the one Deal. */
export type SetupChoice = Manifest | Deal;

/** The fields by which a statement says which setup it is of. */
type SetupFields = Pick<Manifest['body'], 'enrolment' | 'epoch' | 'mode' | 'base' | 'consent'>;

/** The setup that an order begins with. */
export function firstSetup(enrolment: Enrolment, { request }: Evidence): SetupTerms {
  const { threshold } = request.body;
  return { group: groupOf(request), threshold, enrolment, epoch: 0, mode: 'new', base: null, consent: null };
}

/** The setup as its statements say it. */
export function setupFields({ enrolment, epoch, mode, base, consent }: SetupTerms): SetupFields {
  return { enrolment: enrolment.cid, epoch, mode, base, consent };
}

/** @throws `deal_invalid` unless the statement is of this setup */
export function assertOfSetup(body: SetupFields & { readonly type: string }, setup: SetupTerms): void {
  const isSameBase =
    body.base === null || setup.base === null ? body.base === setup.base : bytesEqual(body.base, setup.base);
  if (
    body.enrolment !== setup.enrolment.cid ||
    body.epoch !== setup.epoch ||
    body.mode !== setup.mode ||
    body.consent !== setup.consent ||
    !isSameBase
  ) {
    throw new DtaError('deal_invalid', `${body.type} belongs to another setup`);
  }
}

/**
 * The setup that a Manifest, or with n = 1 the Deal, is of. Only the one that an order begins with has a place yet.
 *
 * @throws `deal_invalid` for a renewal; `envelope_invalid` without its Enrolment
 */
export function setupTermsOf({ body }: SetupChoice, evidence: Evidence): SetupTerms {
  const first = firstSetup(evidence.get(enrolmentStatement, body.enrolment), evidence);
  assertOfSetup(body, first);
  return first;
}

/** Whether an order has one fiduciary, whose Deal is the whole setup: there is no Manifest and no Acceptance. */
export function isAlone({ request }: Evidence): boolean {
  return request.body.fiduciaries.length === 1;
}

/** The lists of a Manifest, or those that one of the only Deal would have. */
export function listsOf({ body, cid }: SetupChoice, { request }: Pick<Evidence, 'request'>): SetupLists {
  if (body.type === 'manifest') return body;
  return { round: 0, members: request.body.fiduciaries.map((only) => [1, only, null]), deals: [[body.dealer, cid]] };
}

/**
 * SHA-256("DTA-TRANSCRIPT1" ‖ dag-cbor([kind, group, request, enrolment, epoch, mode, base, consent, round, threshold,
 * members, deals])) [32]: made of what the choice says alone, so that it is known before anything is checked.
 */
export function transcriptOf(choice: SetupChoice, { request }: Pick<Evidence, 'request'>): Uint8Array {
  const { kind, group, threshold } = request.body;
  const { enrolment, epoch, mode, base, consent } = choice.body;
  const { round, members, deals } = listsOf(choice, { request });
  const list = [
    kind,
    group,
    cidToBytes(request.cid),
    cidToBytes(enrolment),
    epoch,
    mode,
    base,
    consent === null ? null : cidToBytes(consent),
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

/**
 * What chose the setup of that transcript [32]. An order's evidence may have other rounds and epochs beside it.
 *
 * @throws `transcript_mismatch` where nothing by the party whose choice it is gives that transcript
 */
export function choiceOf(transcript: Uint8Array, evidence: Evidence): SetupChoice {
  const { request, principal } = evidence; // each is looked for: once, whatever lies beside the setup
  const choices: readonly SetupChoice[] = isAlone(evidence)
    ? evidence.all(dealStatement)
    : evidence
        .all(manifestStatement)
        .filter((manifest) => mayChoose(manifest, request) && evidence.isBy(manifest, principal));
  const found = choices.find((choice) => bytesEqual(transcriptOf(choice, { request }), transcript));
  if (found === undefined)
    throw new DtaError('transcript_mismatch', 'the transcript is not one that the evidence gives');
  return found;
}

/**
 * Whether a Manifest can be a setup's: of a round that an order of so many can have, and by what the transcript leaves out, so
 * that no other of the same transcript is taken in its place.
 */
function mayChoose({ body }: Manifest, { body: { fiduciaries, threshold } }: Request): boolean {
  return body.round < fiduciaries.length && body.threshold === threshold && body.excluded.length === 0;
}

/** The statements of a setup: exactly those that its choice and its Deals name, whatever else the order has. */
export interface SetupStatements {
  readonly acceptances: readonly Acceptance[];
  readonly deals: readonly Deal[];
}

/** Those of them that `evidence` has: what is missing is refused where the choice or a Deal is held against it. */
export function statementsOf(choice: SetupChoice, evidence: Evidence): SetupStatements {
  const lists = listsOf(choice, evidence);
  const counted = new Set(lists.deals.map(([, cid]) => cid));
  const deals = evidence.all(dealStatement).filter(({ cid }) => counted.has(cid));
  if (isAlone(evidence)) return { acceptances: [], deals }; // a Deal that names one is refused for it
  const accepted = new Set([
    ...lists.members.map(([, , acceptance]) => acceptance),
    ...deals.flatMap(({ body }) => body.acceptances.map(([, cid]) => cid)),
  ]);
  return { acceptances: evidence.all(acceptanceStatement).filter(({ cid }) => accepted.has(cid)), deals };
}
