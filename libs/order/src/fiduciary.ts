import { ascii, bytesEqual, cidToBytes, concat, u32, type Cid } from '@dta/codec';
import { addScalars, handOn, hkdf, wipe } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { signStatement } from '@dta/identity';
import { signAcceptance } from './acceptance.js';
import { assertForwards } from './forward.js';
import { certifiedOf, committedSetup, signConfirmation, verifyCertificate } from './certificate.js';
import { deriveCoefficients, openShare, signDeal } from './deal.js';
import { verifyEnrolment } from './enrolment.js';
import { unstored, type Evidence } from './evidence.js';
import { answeredToday, signRelease, verifyRedemption, type Answered } from './redemption.js';
import { firstSetup } from './setup.js';
import { nothing, orderSecret, type DrawingContext, type OpenSecret, type Outcome, type StepContext } from './step.js';
import {
  acceptanceStatement,
  acknowledgedStatement,
  commitmentStatement,
  enrolmentStatement,
  forwardStatement,
  manifestStatement,
  receiptStatement,
  redemptionStatement,
  requestStatement,
  type Commitment,
  type OrderStatement,
} from './statements.js';
import { checkTerms, memberIndex } from './terms.js';
import { fiduciaryTransitions, next, type FiduciaryState } from './transitions.js';
import { verifyAcceptances, verifyDealt, verifySetup, type Setup } from './transcript.js';

/** A fiduciary's row of an order. Its secrets are rows of their own, sealed by custody. */
export interface FiduciaryOrder {
  readonly ref: Cid;
  readonly state: FiduciaryState;
  /** which fiduciary of the order this node is, 1-based */
  readonly index: number;
  /** the Request's times, Unix ms */
  readonly createdAt: number;
  readonly setupBy: number;
  readonly keepUntil: number | null;
  /** its own Acceptance and Deal */
  readonly acceptance: Cid | null;
  readonly deal: Cid | null;
  /** the highest round confirmed */
  readonly round: number | null;
  /** transcripts confirmed, each [32] */
  readonly confirmed: readonly Uint8Array[];
  readonly commitment: Cid | null;
  /** Redemptions answered in the last 24 hours, each with whether its Receipt was taken */
  readonly answered: readonly (Answered & { readonly isReceipted: boolean })[];
}

type Step = Outcome<FiduciaryOrder>;

/**
 * Verb `accept`: Request and Enrolment. With n = 1 the whole setup is this step: Deal and Confirmation at once.
 *
 * @throws `order_state_conflict` for an order already known; `setup_expired`; what terms and Enrolment are refused for
 */
export async function acceptOrder(
  order: FiduciaryOrder | undefined,
  evidence: Evidence,
  context: DrawingContext,
): Promise<Step> {
  const request = evidence.message(requestStatement);
  const enrolment = evidence.one(enrolmentStatement);
  const { author } = context;
  checkTerms(request, evidence.directory);
  verifyEnrolment(enrolment, evidence);
  if (evidence.now > request.body.setupBy) {
    throw new DtaError('setup_expired', 'the time to set this order up has passed', {
      metadata: { setupBy: request.body.setupBy },
    });
  }
  const index = memberIndex(request, author.identity.cid, evidence.directory);
  const n = request.body.fiduciaries.length;
  const state = next(fiduciaryTransitions, order?.state ?? 'none', n === 1 ? 'accept-alone' : 'accept');
  const born: FiduciaryOrder = {
    ref: request.cid,
    state,
    index,
    createdAt: request.body.createdAt,
    setupBy: request.body.setupBy,
    keepUntil: request.body.keepUntil,
    acceptance: null,
    deal: null,
    round: null,
    confirmed: [],
    commitment: null,
    answered: [],
  };
  if (n === 1) return acceptAlone(born, evidence, context);
  const setup = firstSetup(enrolment, evidence);
  const epochSeed = hkdf(context.seed, concat(ascii('DTA-EPOCHSEED1'), cidToBytes(request.cid), u32(setup.epoch)), 32);
  const dealers = request.body.fiduciaries.map((_, at) => at + 1);
  const { acceptance, attachments } = await handOn([epochSeed], () =>
    signAcceptance(setup, epochSeed, dealers, author, evidence.now),
  );
  return {
    ...nothing,
    order: { ...born, acceptance: acceptance.cid },
    reply: [acceptance],
    attachments,
    secrets: [{ name: orderSecret('epoch-seed', request.cid, setup.epoch), value: epochSeed }],
    keep: [request, enrolment, acceptance],
  };
}

/** n = 1: the one member deals itself the whole, and confirms. */
async function acceptAlone(born: FiduciaryOrder, evidence: Evidence, context: DrawingContext): Promise<Step> {
  const enrolment = evidence.one(enrolmentStatement);
  const terms = firstSetup(enrolment, evidence);
  const coefficients = deriveCoefficients(terms.group, context.seed, born.ref, terms.epoch, 1);
  const [share] = coefficients;
  if (share === undefined) throw new DtaError('internal', 'a polynomial has a constant term');
  const { deal, setup, confirmation } = await handOn(coefficients, async () => {
    const { deal } = await signDeal(evidence, terms, new Map(), [], coefficients, 1, context.author);
    const setup = verifySetup(deal, evidence.with(deal));
    return { deal, setup, confirmation: await signConfirmation(setup, evidence, context.author) };
  });
  return {
    ...nothing,
    order: { ...born, deal: deal.cid, round: 0, confirmed: [setup.transcript] },
    reply: [deal, confirmation],
    secrets: [{ name: shareName(born.ref, setup, 1), value: share }],
    keep: [evidence.request, enrolment, deal, confirmation],
  };
}

function shareName(request: Cid, setup: Setup, index: number) {
  return { what: 'share', request, epoch: setup.epoch, transcript: setup.transcript, index } as const;
}

/**
 * Verb `deal`: all Acceptances, and the keys that each made for this dealer as attachments.
 *
 * @throws `order_state_conflict` unless this node accepted and its own Acceptance is among them; `setup_expired`;
 * `deal_invalid`, `attachment_invalid`
 */
export async function dealOrder(
  order: FiduciaryOrder,
  evidence: Evidence,
  attachments: readonly Uint8Array[],
  context: DrawingContext,
): Promise<Step> {
  const state = next(fiduciaryTransitions, order.state, 'deal');
  const forward = evidence.messageByPrincipal(forwardStatement);
  const { request } = evidence;
  if (evidence.now > order.setupBy) throw new DtaError('setup_expired', 'the time to set this order up has passed');
  const enrolment = evidence.one(enrolmentStatement);
  verifyEnrolment(enrolment, evidence);
  const setup = firstSetup(enrolment, evidence);
  const named = evidence.all(acceptanceStatement);
  assertForwards(forward, named); // the message has what P chose, and no other
  const acceptances = verifyAcceptances(named, setup, evidence);
  if (acceptances.get(order.index)?.cid !== order.acceptance) {
    throw new DtaError('order_state_conflict', 'the Acceptance of this node is another');
  }
  if (acceptances.size < request.body.minDealers)
    throw new DtaError('deal_invalid', 'fewer Acceptances than minDealers');
  const { threshold } = request.body;
  const coefficients = deriveCoefficients(setup.group, context.seed, order.ref, setup.epoch, threshold);
  try {
    const { deal, attachments: sealed } = await signDeal(
      evidence,
      setup,
      acceptances,
      attachments,
      coefficients,
      order.index,
      context.author,
    );
    return { ...nothing, order: { ...order, state, deal: deal.cid }, reply: [deal], attachments: sealed, keep: [deal] };
  } finally {
    wipe(...coefficients);
  }
}

/**
 * Verb `confirm`: the Manifest with Acceptances, Deals and the shares sealed for this member. Checks everything, dealer by
 * dealer, adds up x_j and says that it is stored.
 *
 * @throws `order_state_conflict` for another Manifest of a round already confirmed, or where this node's own Acceptance or
 * Deal is another; and what the setup and the shares are refused for
 */
export async function confirmOrder(
  order: FiduciaryOrder,
  evidence: Evidence,
  attachments: readonly Uint8Array[],
  open: OpenSecret,
  context: StepContext,
): Promise<Step> {
  const state = next(fiduciaryTransitions, order.state, 'confirm');
  const manifest = evidence.message(manifestStatement);
  if (order.round !== null && manifest.body.round <= order.round) {
    throw new DtaError('order_state_conflict', 'this round was confirmed with another Manifest', {
      metadata: { round: order.round },
    });
  }
  if (order.state === 'dealt' && evidence.now > order.setupBy) {
    throw new DtaError('setup_expired', 'the time to set this order up has passed');
  }
  if (expireFiduciaryOrder(order, evidence.now) !== order)
    // the sweep that erases it may be late
    throw new DtaError('order_state_conflict', 'the time to keep this order has passed');
  const { deals, group, epoch } = verifyDealt(manifest, evidence);
  const own = manifest.body.members.find(([index]) => index === order.index);
  if (own?.[2] !== order.acceptance || deals.get(order.index)?.cid !== order.deal) {
    throw new DtaError('order_state_conflict', 'the Acceptance or Deal of this node is another');
  }
  const epochSeed = await open({ what: 'epoch-seed', epoch, transcript: null, index: null });
  const parts: Uint8Array[] = [];
  try {
    // each before any sum: the dealer of points that take the others' away is named by the share that it can't make
    for (const dealt of deals.values()) parts.push(await openShare(group, dealt, order.index, epochSeed, attachments));
    const setup = verifySetup(manifest, evidence);
    const share = addScalars(group, ...parts);
    const confirmation = await handOn([share], () => signConfirmation(setup, evidence, context.author));
    return {
      ...nothing,
      order: { ...order, state, round: manifest.body.round, confirmed: [...order.confirmed, setup.transcript] },
      reply: [confirmation],
      secrets: [{ name: shareName(order.ref, setup, order.index), value: share }],
      keep: [manifest, confirmation],
    };
  } finally {
    wipe(epochSeed, ...parts);
  }
}

/**
 * Checks a certificate in `evidence` that this node confirmed, and moves the order to committed. An order whose time has
 * passed is over, whether or not the clock's own step has been made.
 */
function certify(
  stored: FiduciaryOrder,
  commitment: Commitment,
  evidence: Evidence,
): { order: FiduciaryOrder; setup: Setup } {
  const order = expireFiduciaryOrder(stored, evidence.now);
  const setup = committedSetup(commitment, evidence);
  verifyCertificate(commitment, setup, evidence);
  if (!order.confirmed.some((transcript) => bytesEqual(transcript, setup.transcript))) {
    throw new DtaError('certificate_invalid', 'the certificate is of a transcript that this node did not confirm');
  }
  const state = next(fiduciaryTransitions, order.state, 'commit');
  return { order: { ...order, state, commitment: commitment.cid }, setup };
}

/**
 * Verb `commit`: the Commitment with the whole certificate. What was only for the setup is erased. It may be shown again; another
 * Commitment of a transcript that is committed already says nothing new, however often P signs one.
 *
 * @throws `certificate_invalid`, `transcript_mismatch`, `order_state_conflict`
 */
export async function commitOrder(order: FiduciaryOrder, evidence: Evidence, context: StepContext): Promise<Step> {
  const commitment = evidence.message(commitmentStatement);
  const certified = certify(order, commitment, evidence);
  const kept = certifiedOf(commitment.cid, evidence);
  const isKnown = unstored(kept.slice(1), evidence).length === 0; // P may sign another Commitment of it
  return {
    ...nothing,
    order: certified.order,
    repeats: order.state === 'committed' && isKnown,
    reply: [await acknowledge(commitment, evidence, context)],
    erase: ['epoch-seed'],
    keep: kept,
    settled: 'setup',
  };
}

/**
 * Verb `release`: a Redemption with all evidence. Everything is checked again; the share goes to the order's own key.
 *
 * @throws `order_state_conflict`, also for a Redemption answered before, which came in another envelope;
 * `certificate_invalid`, `redemption_expired`, `redemption_limit`, `release_invalid`
 */
export async function releaseShare(
  order: FiduciaryOrder,
  evidence: Evidence,
  open: OpenSecret,
  context: StepContext,
): Promise<Step> {
  const redemption = evidence.message(redemptionStatement);
  const commitment = evidence.get(commitmentStatement, redemption.body.certificate);
  const { order: certified, setup } = certify(order, commitment, evidence);
  verifyRedemption(redemption, commitment, setup, evidence);
  if (evidence.isStored(redemption) || order.answered.some((answer) => answer.redemption === redemption.cid))
    throw new DtaError('order_state_conflict', 'this Redemption was answered before, in another envelope');
  const recent = answeredToday(order.answered, evidence.now);
  const { index } = order;
  const share = await open({ what: 'share', epoch: setup.epoch, transcript: setup.transcript, index });
  try {
    const { released, envelope } = await signRelease(redemption, setup, index, share, evidence, context.author);
    const first = order.state === 'confirmed';
    return {
      ...nothing,
      order: {
        ...certified,
        answered: [...recent, { redemption: redemption.cid, at: evidence.now, isReceipted: false }],
      },
      reply: [released],
      envelopes: [envelope],
      erase: first ? ['epoch-seed'] : [],
      // that its row names a Commitment which isn't stored would be noticed when keys have changed, and too late
      keep: [...unstored(certifiedOf(commitment.cid, evidence), evidence), redemption],
      settled: first ? 'setup' : null,
    };
  } finally {
    wipe(share);
  }
}

/**
 * Verb `receipt`: B's word on the shares, forwarded by P. One for each Redemption that this node answered is taken; another, or
 * one for a Redemption that it has not answered, is acknowledged and changes nothing.
 *
 * @throws `signature_invalid` unless it is by the order's beneficiary; `envelope_invalid` without its Redemption
 */
export async function takeReceipt(order: FiduciaryOrder, evidence: Evidence, context: StepContext): Promise<Step> {
  const forward = evidence.messageByPrincipal(forwardStatement);
  const receipt = evidence.one(receiptStatement);
  assertForwards(forward, [receipt]);
  evidence.assertBy(receipt, evidence.request.body.beneficiary);
  evidence.assertBy(evidence.get(redemptionStatement, receipt.body.redemption), evidence.principal);
  const { redemption } = receipt.body;
  const isLast = order.answered.at(-1)?.redemption === redemption; // P may still lack a later one's Release
  const isAwaited = order.answered.some((answer) => answer.redemption === redemption && !answer.isReceipted);
  const answered = order.answered.map((answer) =>
    answer.redemption === redemption ? { ...answer, isReceipted: true } : answer,
  );
  return {
    ...nothing,
    order: isAwaited ? { ...order, answered } : order,
    reply: [await acknowledge(receipt, evidence, context)],
    keep: [receipt],
    settled: isLast ? 'redemption' : null,
    repeats: !isAwaited,
  };
}

/** When the clock alone changes the order next, Unix ms; null where it doesn't. */
export function fiduciaryDueAt({ state, setupBy, keepUntil }: FiduciaryOrder): number | null {
  if (state === 'erased') return null;
  return state === 'accepted' || state === 'dealt' ? setupBy : keepUntil;
}

/** The order after its time: nothing left but a tombstone, or the same where nothing is due. */
export function expireFiduciaryOrder(order: FiduciaryOrder, now: number): FiduciaryOrder {
  const event =
    order.keepUntil !== null && now > order.keepUntil && (order.state === 'confirmed' || order.state === 'committed')
      ? 'keep-until-passes'
      : now > order.setupBy && (order.state === 'accepted' || order.state === 'dealt')
        ? 'setup-expires'
        : null;
  return event === null ? order : { ...order, state: next(fiduciaryTransitions, order.state, event) };
}

/** Signs that a statement arrived and was acted on. */
export function acknowledge(statement: OrderStatement, evidence: Evidence, { author }: StepContext) {
  return signStatement(
    acknowledgedStatement,
    { issuer: author.identity.cid, order: evidence.order, createdAt: evidence.now, statement: statement.cid },
    [author.key],
  );
}
