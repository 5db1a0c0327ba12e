import { CLOCK_SKEW_MS } from '@dta/identity';
import { ownAffirmation } from './affirmation.js';
import { certificateOf, committedSetup, signCommitment } from './certificate.js';
import type { Evidence } from './evidence.js';
import { signForward } from './forward.js';
import {
  principalState,
  toBeneficiary,
  toFiduciaries,
  type PrincipalOrder,
  type PrincipalStep,
  type PrincipalVerb,
} from './principal-order.js';
import { REDEMPTION_MS, signRedemption } from './redemption.js';
import { commitmentStatement, redemptionStatement, type OrderStatement, type Receipt } from './statements.js';
import type { StepContext } from './step.js';

/**
 * Starts a redemption: members are asked to release to the beneficiary, which is handed their answers. A Commitment that was
 * signed by a clock ahead is signed anew, of the same certificate, and owed to everyone in its place: parties that lack the
 * first would refuse it until its date comes. Where P has new keys since, its Affirmation rides along: not every party has
 * stored what the old ones signed.
 *
 * @throws `order_state_conflict` unless the order is committed
 */
export async function startRedemption(
  order: PrincipalOrder,
  evidence: Evidence,
  context: StepContext,
): Promise<PrincipalStep> {
  const state = principalState(order.state, 'redeem');
  const known = evidence.get(commitmentStatement, order.certificate ?? order.ref);
  const setup = committedSetup(known, evidence);
  const isAhead = known.body.createdAt > evidence.now + CLOCK_SKEW_MS;
  const commitment = isAhead ? await signCommitment(setup, evidence, context.author) : known;
  const certificate = certificateOf(setup.transcript, evidence);
  const affirmation = await ownAffirmation([commitment, ...certificate], evidence, context.author);
  const affirmations = affirmation === null ? [] : [affirmation as OrderStatement]; // it is one of them
  const redemption = await signRedemption(commitment, setup, context.author, order.ref, evidence.now);
  const toAll = (ofFiduciaries: PrincipalVerb, ofBeneficiary: PrincipalVerb) => [
    ...toFiduciaries(order, ofFiduciaries, () => []),
    toBeneficiary(order, ofBeneficiary),
  ];
  return {
    order: {
      ...order,
      state,
      certificate: commitment.cid,
      redemption: redemption.cid,
      redemptionExpiresAt: redemption.body.expiresAt,
    },
    keep: [...(isAhead ? [commitment] : []), ...affirmations, redemption],
    outgoing: [
      {
        statements: [redemption, commitment, ...certificate, ...affirmations],
        addressees: toAll('release', 'redeem'),
      },
      ...(isAhead
        ? [{ statements: [commitment, ...certificate, ...affirmations], addressees: toAll('commit', 'commit') }]
        : []),
    ],
    settled: null,
    ...(isAhead && { closes: ['commit'] }),
  };
}

/** Whether the beneficiary says in it that it holds the secret, by the Redemption under way. */
export function isGoodReceipt({ body }: Receipt, order: PrincipalOrder, { directory }: Evidence): boolean {
  const isByBeneficiary = body.issuer !== null && directory.sameChain(body.issuer, order.beneficiary);
  return isByBeneficiary && body.redemption === order.redemption && body.good.length >= order.threshold;
}

/** What P does with a good Receipt: the members are told. */
export async function afterReceipt(
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

/**
 * The order redeemable again where its Redemption has expired, or has a date to come: a clock that was ahead
 * made it, and no party answers it before that date.
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
