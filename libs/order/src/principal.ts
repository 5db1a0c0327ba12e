import { type Cid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import { CLOCK_SKEW_MS, signStatement, type Role } from '@dta/identity';
import { keyForDealer, NEW_SETUP } from './acceptance.js';
import { only, type Answer } from './answer.js';
import { certificateOf, signCommitment, verifyConfirmations } from './certificate.js';
import { sealedShareFor } from './deal.js';
import type { Evidence } from './evidence.js';
import { signForward } from './forward.js';
import { REDEMPTION_MS, signRedemption } from './redemption.js';
import type { Settled, StepContext } from './step.js';
import {
  acceptanceStatement,
  commitmentStatement,
  dealStatement,
  enrolmentStatement,
  manifestStatement,
  receiptStatement,
  redemptionStatement,
  type OrderStatement,
  type Receipt,
  type Request,
} from './statements.js';
import { next, principalTransitions, type PrincipalEvent, type PrincipalState } from './transitions.js';
import { verifyAcceptances, verifyDeals, verifySetup } from './transcript.js';

/** A principal's row of an order. */
export interface PrincipalOrder {
  readonly ref: Cid;
  readonly state: PrincipalState;
  readonly createdAt: number;
  readonly setupBy: number;
  readonly keepUntil: number | null;
  readonly beneficiary: Cid;
  readonly fiduciaries: readonly Cid[];
  readonly threshold: number;
  readonly manifest: Cid | null;
  /** the Commitment statement, and Y [33] in it */
  readonly certificate: Cid | null;
  readonly commitment: Uint8Array | null;
  readonly redemption: Cid | null;
  readonly redemptionExpiresAt: number | null;
  readonly failure: Failure | null;
}

/** Why an order failed, and who owed what. */
export interface Failure {
  readonly reason: string;
  readonly owing: readonly { readonly party: Cid; readonly lastError: string | null }[];
}

/**
 * What P asks of others, each once for an order (a release and what follows it: once for a Redemption; commit and affirm
 * again where keys have changed meanwhile).
 */
export const principalVerbs = [
  'enrol',
  'accept',
  'deal',
  'confirm',
  'manifest',
  'commit',
  'release',
  'redeem',
  'receipt',
  'affirm',
] as const;

/** One of {@link principalVerbs}. */
export type PrincipalVerb = (typeof principalVerbs)[number];

/** One recipient of a step's envelope, and what travels beside it for this one alone. */
export interface Addressee {
  /** as the order names it */
  readonly party: Cid;
  readonly role: Role;
  readonly verb: PrincipalVerb;
  readonly attachments: readonly Uint8Array[];
}

/** One envelope to seal, and whom to deliver it to. */
export interface Outgoing {
  /** the message first */
  readonly statements: readonly OrderStatement[];
  readonly addressees: readonly Addressee[];
}

/** What P does next: its row, what it signed, what it sends. */
export interface PrincipalStep {
  readonly order: PrincipalOrder;
  readonly keep: readonly OrderStatement[];
  readonly outgoing: readonly Outgoing[];
  readonly settled: Settled | null;
  /** verbs whose messages, still owed by earlier steps, nobody needs any more; none where it isn't said */
  readonly closes?: readonly PrincipalVerb[] | 'all';
}

/** A new order: the Request goes to its beneficiary. */
export function placeOrder(request: Request): PrincipalStep {
  const { body } = request;
  const order: PrincipalOrder = {
    ref: request.cid,
    state: principalState('none', 'place'),
    createdAt: body.createdAt,
    setupBy: body.setupBy,
    keepUntil: body.keepUntil,
    beneficiary: body.beneficiary,
    fiduciaries: body.fiduciaries,
    threshold: body.threshold,
    manifest: null,
    certificate: null,
    commitment: null,
    redemption: null,
    redemptionExpiresAt: null,
    failure: null,
  };
  return {
    order,
    keep: [request],
    outgoing: [{ statements: [request], addressees: [toBeneficiary(order, 'enrol')] }],
    settled: null,
  };
}

/**
 * What P does once those whom it waits for have answered; null while it waits. `evidence` is all that the order has,
 * answers included.
 */
export async function advanceOrder(
  order: PrincipalOrder,
  evidence: Evidence,
  answers: readonly Answer[],
  context: StepContext,
): Promise<PrincipalStep | null> {
  const from = (verb: PrincipalVerb) => [
    ...new Map(answers.filter((answer) => answer.verb === verb).map((answer) => [answer.party, answer])).values(),
  ];
  const complete = (verb: PrincipalVerb) => from(verb).length === order.fiduciaries.length;
  switch (order.state) {
    case 'requested':
      return from('enrol').length === 1 ? afterEnrolment(order, evidence) : null;
    case 'enrolled':
      if (!complete('accept')) return null;
      return order.fiduciaries.length === 1
        ? commit(order, evidence, context)
        : askForDeals(order, evidence, from('accept'), context);
    case 'dealing':
      if (order.manifest === null)
        return complete('deal') ? askToConfirm(order, evidence, from('deal'), context) : null;
      return complete('confirm') ? commit(order, evidence, context) : null;
    case 'releasing': {
      // one of a Redemption that has expired meanwhile may still come in; what is stored is checked as what comes is
      const receipt = evidence.all(receiptStatement).find((given) => isGoodReceipt(given, order, evidence));
      return receipt === undefined ? null : afterReceipt(order, receipt, evidence, context);
    }
    case 'committed':
    case 'released':
    case 'renewing':
    case 'failed':
    case 'cancelled':
    case 'expired':
      return null;
  }
}

function afterEnrolment(order: PrincipalOrder, evidence: Evidence): PrincipalStep {
  const statements = [evidence.request, evidence.one(enrolmentStatement)];
  return {
    order: { ...order, state: principalState(order.state, 'enrol') },
    keep: [],
    outgoing: [{ statements, addressees: toFiduciaries(order, 'accept', () => []) }],
    settled: null,
  };
}

async function askForDeals(
  order: PrincipalOrder,
  evidence: Evidence,
  accepted: readonly Answer[],
  context: StepContext,
): Promise<PrincipalStep> {
  const enrolment = evidence.one(enrolmentStatement);
  const acceptances = [...verifyAcceptances(enrolment, evidence)]
    .sort(([a], [b]) => a - b)
    .map(([, statement]) => statement);
  const forward = await signForward(acceptances, evidence, context);
  const keysFor = (dealer: number) =>
    accepted.map((answer) => keyForDealer(only(acceptanceStatement, answer), dealer, answer.attachments));
  return {
    order: { ...order, state: principalState(order.state, 'deal') },
    keep: [forward],
    outgoing: [
      {
        statements: [forward, evidence.request, enrolment, ...acceptances],
        addressees: toFiduciaries(order, 'deal', keysFor),
      },
    ],
    settled: null,
  };
}

async function askToConfirm(
  order: PrincipalOrder,
  evidence: Evidence,
  dealt: readonly Answer[],
  { author }: StepContext,
): Promise<PrincipalStep> {
  const enrolment = evidence.one(enrolmentStatement);
  const acceptances = verifyAcceptances(enrolment, evidence);
  const deals = verifyDeals(enrolment, acceptances, evidence);
  const manifest = await signStatement(
    manifestStatement,
    {
      issuer: author.identity.cid,
      order: order.ref,
      createdAt: evidence.now,
      enrolment: enrolment.cid,
      ...NEW_SETUP,
      round: 0,
      threshold: order.threshold,
      members: order.fiduciaries.map((member, at): [number, Cid, Cid | null] => [
        at + 1,
        member,
        acceptances.get(at + 1)?.cid ?? null,
      ]),
      deals: [...deals].sort(([a], [b]) => a - b).map(([dealer, { cid }]): [number, Cid] => [dealer, cid]),
      excluded: [],
    },
    [author.key],
  );
  const sharesFor = (member: number) =>
    dealt.map((answer) => sealedShareFor(only(dealStatement, answer), member, answer.attachments));
  return {
    order: { ...order, manifest: manifest.cid },
    keep: [manifest],
    outgoing: [
      {
        statements: [manifest, evidence.request, enrolment, ...acceptances.values(), ...deals.values()],
        addressees: [...toFiduciaries(order, 'confirm', sharesFor), toBeneficiary(order, 'manifest')],
      },
    ],
    settled: null,
  };
}

async function commit(order: PrincipalOrder, evidence: Evidence, { author }: StepContext): Promise<PrincipalStep> {
  const setup = verifySetup(evidence);
  verifyConfirmations(setup, evidence);
  const commitment = await signCommitment(setup, evidence, author);
  return {
    order: {
      ...order,
      state: principalState(order.state, 'commit'),
      certificate: commitment.cid,
      commitment: setup.commitment,
    },
    keep: [commitment],
    outgoing: [
      {
        statements: [commitment, ...certificateOf(evidence)],
        addressees: [...toFiduciaries(order, 'commit', () => []), toBeneficiary(order, 'commit')],
      },
    ],
    settled: 'setup',
    closes: ['manifest'],
  };
}

/**
 * Starts a redemption: members are asked to release to the beneficiary, which is handed their answers. A Commitment that was
 * signed by a clock ahead is signed anew, of the same certificate: parties that lack it would refuse it until its date comes.
 *
 * @throws `order_state_conflict` unless the order is committed
 */
export async function startRedemption(
  order: PrincipalOrder,
  evidence: Evidence,
  context: StepContext,
): Promise<PrincipalStep> {
  const state = principalState(order.state, 'redeem');
  const setup = verifySetup(evidence);
  const known = evidence.get(commitmentStatement, order.certificate ?? order.ref);
  const isAhead = known.body.createdAt > evidence.now + CLOCK_SKEW_MS;
  const commitment = isAhead ? await signCommitment(setup, evidence, context.author) : known;
  const redemption = await signRedemption(commitment, setup, context.author, order.ref, evidence.now);
  return {
    order: {
      ...order,
      state,
      certificate: commitment.cid,
      redemption: redemption.cid,
      redemptionExpiresAt: redemption.body.expiresAt,
    },
    keep: isAhead ? [commitment, redemption] : [redemption],
    outgoing: [
      {
        statements: [redemption, commitment, ...certificateOf(evidence)],
        addressees: [...toFiduciaries(order, 'release', () => []), toBeneficiary(order, 'redeem')],
      },
    ],
    settled: null,
    ...(isAhead && { closes: ['commit'] }),
  };
}

function isGoodReceipt({ body }: Receipt, order: PrincipalOrder, { directory }: Evidence): boolean {
  const isByBeneficiary = body.issuer !== null && directory.sameChain(body.issuer, order.beneficiary);
  return isByBeneficiary && body.redemption === order.redemption && body.good.length >= order.threshold;
}

async function afterReceipt(
  order: PrincipalOrder,
  receipt: Receipt,
  evidence: Evidence,
  context: StepContext,
): Promise<PrincipalStep> {
  const forward = await signForward([receipt], evidence, context);
  return {
    order: { ...order, state: principalState(order.state, 'good-receipt') },
    keep: [forward],
    outgoing: [
      {
        statements: [forward, receipt, evidence.request, evidence.get(redemptionStatement, receipt.body.redemption)],
        addressees: toFiduciaries(order, 'receipt', () => []),
      },
    ],
    settled: 'redemption',
    closes: ['release'],
  };
}

/** When the clock alone changes the order next, Unix ms; null where it doesn't. */
export function principalDueAt({ state, setupBy, keepUntil, redemptionExpiresAt }: PrincipalOrder): number | null {
  switch (state) {
    case 'requested':
    case 'enrolled':
    case 'dealing':
      return setupBy;
    case 'releasing':
      return Math.min(redemptionExpiresAt ?? setupBy, keepUntil ?? Infinity);
    case 'committed':
    case 'released':
      return keepUntil;
    case 'renewing':
    case 'failed':
    case 'cancelled':
    case 'expired':
      return null;
  }
}

/**
 * The order after its time: failed, redeemable again or expired; the same where nothing is due. Failed and expired are for
 * good, so they are for a clock that is beyond doubt; {@link expireRedemption} isn't.
 */
export function expirePrincipalOrder(order: PrincipalOrder, owing: Failure['owing'], now: number): PrincipalOrder {
  const settingUp = order.state === 'requested' || order.state === 'enrolled' || order.state === 'dealing';
  const isAhead = order.createdAt > now + CLOCK_SKEW_MS; // its clock was wrong: peers refuse the Request until its date comes
  if (settingUp && (now > order.setupBy || isAhead)) {
    const failure: Failure = { reason: isAhead ? 'time_ahead' : 'setup_expired', owing };
    return { ...order, state: principalState(order.state, 'fail'), failure };
  }
  const kept = order.state === 'committed' || order.state === 'releasing' || order.state === 'released';
  if (kept && order.keepUntil !== null && now > order.keepUntil) {
    return { ...order, state: principalState(order.state, 'keep-until-passes') };
  }
  return expireRedemption(order, now);
}

/**
 * The order redeemable again where its Redemption has expired, or has a date to come: then it was made by a clock that was
 * ahead, and nobody would answer it until then.
 */
export function expireRedemption(order: PrincipalOrder, now: number): PrincipalOrder {
  const { state, redemptionExpiresAt } = order;
  if (state !== 'releasing' || redemptionExpiresAt === null) return order;
  const isAhead = redemptionExpiresAt > now + REDEMPTION_MS + CLOCK_SKEW_MS;
  if (now <= redemptionExpiresAt && !isAhead) return order;
  return {
    ...order,
    state: principalState(state, 'redemption-expires'),
    redemption: null,
    redemptionExpiresAt: null,
  };
}

function principalState(state: PrincipalState | 'none', event: PrincipalEvent): PrincipalState {
  const to = next(principalTransitions, state, event);
  if (to === 'before') throw new DtaError('order_state_conflict', 'a renewal has no place yet');
  return to;
}

function toBeneficiary({ beneficiary }: PrincipalOrder, verb: PrincipalVerb): Addressee {
  return { party: beneficiary, role: 'beneficiary', verb, attachments: [] };
}

function toFiduciaries(
  { fiduciaries }: PrincipalOrder,
  verb: PrincipalVerb,
  attachments: (member: number) => readonly Uint8Array[],
): Addressee[] {
  return fiduciaries.map((party, at) => ({ party, role: 'fiduciary', verb, attachments: attachments(at + 1) }));
}
