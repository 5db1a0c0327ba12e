import { type Cid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import { CLOCK_SKEW_MS, signStatement } from '@dta/identity';
import { keyForDealer } from './acceptance.js';
import { forwardedAcceptances, only, type Answer } from './answer.js';
import { certificateOf, signCommitment, verifyConfirmations } from './certificate.js';
import { sealedShareFor } from './deal.js';
import type { Evidence } from './evidence.js';
import { signForward } from './forward.js';
import { firstSetup, setupFields, type SetupChoice } from './setup.js';
import {
  principalState,
  toBeneficiary,
  toFiduciaries,
  type Failure,
  type PrincipalOrder,
  type PrincipalStep,
  type PrincipalVerb,
} from './principal-order.js';
import { afterReceipt, expireRedemption, isGoodReceipt } from './principal-redemption.js';
import {
  acceptanceStatement,
  dealStatement,
  enrolmentStatement,
  manifestStatement,
  receiptStatement,
  type Deal,
  type Request,
} from './statements.js';
import type { StepContext } from './step.js';
import { verifyAcceptances, verifyDeals, verifySetup } from './transcript.js';

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
    forward: null,
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
        ? commit(order, aloneDeal(from('accept')), evidence, context)
        : askForDeals(order, evidence, from('accept'), context);
    case 'dealing':
      if (order.manifest === null)
        return complete('deal') ? askToConfirm(order, evidence, from('deal'), context) : null;
      return complete('confirm')
        ? commit(order, evidence.get(manifestStatement, order.manifest), evidence, context)
        : null;
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
  const said = accepted.map((answer) => only(acceptanceStatement, answer));
  const acceptances = [...verifyAcceptances(said, firstSetup(enrolment, evidence), evidence).values()];
  const forward = await signForward(acceptances, evidence, context);
  const keysFor = (dealer: number) =>
    accepted.map((answer) => keyForDealer(only(acceptanceStatement, answer), dealer, answer.attachments));
  return {
    order: { ...order, state: principalState(order.state, 'deal'), forward: forward.cid },
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
  const setup = firstSetup(enrolment, evidence);
  const acceptances = verifyAcceptances(forwardedAcceptances(order, evidence), setup, evidence);
  const said = dealt.map((answer) => only(dealStatement, answer));
  const deals = verifyDeals(said, setup, acceptances, evidence);
  const manifest = await signStatement(
    manifestStatement,
    {
      issuer: author.identity.cid,
      order: order.ref,
      createdAt: evidence.now,
      ...setupFields(setup),
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

/** With n = 1 the one answer to `accept` has the Deal that is the whole setup. */
function aloneDeal([answer]: readonly Answer[]): Deal {
  if (answer === undefined) throw new DtaError('internal', 'an order of one fiduciary has its answer');
  return only(dealStatement, answer);
}

async function commit(
  order: PrincipalOrder,
  choice: SetupChoice,
  evidence: Evidence,
  { author }: StepContext,
): Promise<PrincipalStep> {
  const setup = verifySetup(choice, evidence);
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
        statements: [commitment, ...certificateOf(setup.transcript, evidence)],
        addressees: [...toFiduciaries(order, 'commit', () => []), toBeneficiary(order, 'commit')],
      },
    ],
    settled: 'setup',
    closes: ['manifest'],
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
