import { bytesEqual, type Cid } from '@dta/codec';
import { handOn, wipe, type GroupName } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { signStatement } from '@dta/identity';
import { certifiedOf, committedSetup, verifyCertificate } from './certificate.js';
import { deriveEnrolmentKeys, signEnrolment } from './enrolment.js';
import { unstored, type Evidence } from './evidence.js';
import { acknowledge } from './fiduciary.js';
import { groupOf } from './group-of.js';
import {
  answeredToday,
  combineSecret,
  openReleases,
  verifyRedemption,
  type Answered,
  type Releases,
} from './redemption.js';
import { nothing, orderSecret, type DrawingContext, type OpenSecret, type Outcome, type StepContext } from './step.js';
import {
  commitmentStatement,
  manifestStatement,
  receiptStatement,
  redemptionStatement,
  requestStatement,
} from './statements.js';
import { checkTerms } from './terms.js';
import { beneficiaryTransitions, next, type BeneficiaryState } from './transitions.js';
import { verifySetup } from './transcript.js';

/** A beneficiary's row of an order. Its secrets are rows of their own, sealed by custody. */
export interface BeneficiaryOrder {
  readonly ref: Cid;
  readonly state: BeneficiaryState;
  /** first CID of the principal's chain */
  readonly principal: Cid;
  /** the Request's times, Unix ms */
  readonly createdAt: number;
  readonly setupBy: number;
  readonly keepUntil: number | null;
  /** of the order's key */
  readonly group: GroupName;
  readonly enrolment: Cid;
  /** the highest round whose Manifest was noted */
  readonly round: number | null;
  readonly commitmentStatement: Cid | null;
  /** Y, a point of the order's group */
  readonly commitment: Uint8Array | null;
  /** members whose shares made the secret */
  readonly good: readonly number[];
  /** Redemptions answered in the last 24 hours */
  readonly answered: readonly Answered[];
}

type Step = Outcome<BeneficiaryOrder>;

/**
 * Verb `enrol`: a Request. Makes the keys of this order alone.
 *
 * @throws `beneficiary_mismatch` where the order names another; `setup_expired`; `terms_invalid`, `rule_unsupported`
 */
export async function enrolOrder(
  order: BeneficiaryOrder | undefined,
  evidence: Evidence,
  context: DrawingContext,
): Promise<Step> {
  const request = evidence.message(requestStatement);
  const { directory, now } = evidence;
  const { author } = context;
  checkTerms(request, directory);
  const { beneficiary, issuer, setupBy, keepUntil } = request.body;
  if (issuer === null || !directory.sameChain(beneficiary, author.identity.cid)) {
    throw new DtaError('beneficiary_mismatch', 'the order names another beneficiary');
  }
  if (now > setupBy)
    throw new DtaError('setup_expired', 'the time to set this order up has passed', { metadata: { setupBy } });
  const state = next(beneficiaryTransitions, order?.state ?? 'none', 'enrol');
  const keys = deriveEnrolmentKeys(groupOf(request), context.seed, request.cid);
  const enrolment = await handOn([keys.key, keys.seed], () =>
    signEnrolment(request, keys, directory.firstOf(author.identity.cid), author, now),
  );
  return {
    ...nothing,
    order: {
      ref: request.cid,
      state,
      principal: directory.firstOf(issuer),
      createdAt: request.body.createdAt,
      setupBy,
      keepUntil,
      group: request.body.group,
      enrolment: enrolment.cid,
      round: null,
      commitmentStatement: null,
      commitment: null,
      good: [],
      answered: [],
    },
    reply: [enrolment],
    secrets: [
      { name: orderSecret('enrolment-key', request.cid), value: keys.key },
      { name: orderSecret('enrolment-seed', request.cid), value: keys.seed },
    ],
    keep: [request, enrolment],
  };
}

/**
 * Verb `manifest`: whose deals are going to make the key. Checked and kept, so that B can tell a later change.
 *
 * @throws `order_state_conflict` for another Manifest of a round already noted; what the setup is refused for
 */
export async function noteManifest(stored: BeneficiaryOrder, evidence: Evidence, context: StepContext): Promise<Step> {
  const order = openOrder(stored, evidence.now);
  const manifest = evidence.message(manifestStatement);
  const { round } = manifest.body;
  if (order.round !== null && round <= order.round)
    throw new DtaError('order_state_conflict', 'this round was noted with another Manifest', { metadata: { round } });
  assertOwnEnrolment(order, verifySetup(manifest, evidence).enrolment.cid);
  return {
    ...nothing,
    order: { ...order, round },
    reply: [await acknowledge(manifest, evidence, context)],
    keep: [manifest],
  };
}

/** The order, unless its time has passed, whether or not the clock's own step has been made. @throws `order_state_conflict` */
function openOrder(stored: BeneficiaryOrder, now: number): BeneficiaryOrder {
  const order = expireBeneficiaryOrder(stored, now);
  if (order.state === 'closed') throw new DtaError('order_state_conflict', 'the order is closed');
  return order;
}

/** @throws `order_state_conflict` where the evidence has another Enrolment than the one that this node's keys belong to */
function assertOwnEnrolment(order: BeneficiaryOrder, enrolment: Cid): void {
  if (enrolment !== order.enrolment)
    throw new DtaError('order_state_conflict', 'the Enrolment of this node is another');
}

/**
 * P can have two Manifests confirmed, and so two certificates for one Enrolment. B goes by the one that it was shown first:
 * to redeem the other would make another key than the Y that is in use, and destroy the b that Y needs.
 *
 * @throws `order_state_conflict`
 */
function assertOwnCommitment(order: BeneficiaryOrder, commitment: Uint8Array): void {
  if (order.commitment !== null && !bytesEqual(order.commitment, commitment))
    throw new DtaError('order_state_conflict', 'the certificate is of another key than the one committed to this node');
}

/**
 * Verb `commit`: the Commitment with the whole certificate. One that came with a Redemption before is acknowledged again, as is
 * another of a certificate that is stored: P signs it anew where its clock was ahead.
 *
 * @throws `certificate_invalid`, `transcript_mismatch`, `order_state_conflict`
 */
export async function commitEnrolment(
  stored: BeneficiaryOrder,
  evidence: Evidence,
  context: StepContext,
): Promise<Step> {
  const order = openOrder(stored, evidence.now);
  const commitment = evidence.message(commitmentStatement);
  const setup = committedSetup(commitment, evidence);
  verifyCertificate(commitment, setup, evidence);
  assertOwnEnrolment(order, setup.enrolment.cid);
  const acknowledged = { ...nothing, reply: [await acknowledge(commitment, evidence, context)] };
  assertOwnCommitment(order, setup.commitment);
  const kept = certifiedOf(commitment.cid, evidence);
  const isStored = order.commitment !== null && unstored(kept.slice(1), evidence).length === 0;
  if (isStored || commitment.cid === order.commitmentStatement) return { ...acknowledged, order, repeats: true };
  return {
    ...acknowledged,
    order: {
      ...order,
      state: next(beneficiaryTransitions, order.state, 'commit'),
      commitmentStatement: commitment.cid,
      commitment: setup.commitment,
    },
    keep: kept,
    settled: 'setup',
  };
}

/**
 * Verb `redeem`: a Redemption with all evidence, and Releases as further envelopes. Checks each share, makes y, stores it
 * and forgets the order's keys. Once y is stored, a later Redemption is answered from what is held.
 *
 * @throws `shares_insufficient` with what was good and bad; `release_invalid`, `certificate_invalid`, `redemption_expired`,
 * `redemption_limit`;
 * `order_state_conflict` for a certificate of another Y than this node was shown
 */
export async function redeemOrder(
  stored: BeneficiaryOrder,
  evidence: Evidence,
  envelopes: readonly Uint8Array[],
  open: OpenSecret,
  context: StepContext,
): Promise<Step> {
  const order = openOrder(stored, evidence.now);
  const redemption = evidence.message(redemptionStatement);
  const commitment = evidence.get(commitmentStatement, redemption.body.certificate);
  const setup = committedSetup(commitment, evidence);
  verifyCertificate(commitment, setup, evidence);
  verifyRedemption(redemption, commitment, setup, evidence);
  assertOwnEnrolment(order, setup.enrolment.cid);
  assertOwnCommitment(order, setup.commitment);
  const enrolled = order.state === 'enrolled';
  const committed = enrolled ? next(beneficiaryTransitions, order.state, 'commit') : order.state;
  const state = next(beneficiaryTransitions, committed, 'hold');
  const receipt = (good: readonly number[], bad: readonly (readonly [number, Cid])[]) =>
    signStatement(
      receiptStatement,
      {
        issuer: context.author.identity.cid,
        order: evidence.order,
        createdAt: evidence.now,
        redemption: redemption.cid,
        good: [...good],
        bad: bad.map(([index, cid]): [number, Cid] => [index, cid]),
      },
      [context.author.key],
    );
  const answer: Answered = { redemption: redemption.cid, at: evidence.now };
  if (order.state === 'held') {
    const isStored = evidence.isStored(redemption);
    const then = isStored ? order : { ...order, answered: [...answeredToday(order.answered, evidence.now), answer] };
    const again = await receipt(order.good, []);
    const keep = [...unstored(certifiedOf(commitment.cid, evidence), evidence), redemption, again];
    return { ...nothing, order: then, reply: [again], keep, repeats: isStored };
  }
  const seed = await open({ what: 'enrolment-seed', epoch: 0, transcript: null, index: null });
  const key = await handOn([seed], () => open({ what: 'enrolment-key', epoch: 0, transcript: null, index: null }));
  let found: Releases | undefined;
  try {
    found = await openReleases(envelopes, redemption, setup, seed, evidence);
    const secret = combineSecret(found, key, setup);
    const indices = [...found.good.keys()].sort((a, b) => a - b);
    const { bad } = found;
    const said = await handOn([secret], () => receipt(indices, bad));
    return {
      ...nothing,
      order: {
        ...order,
        state,
        commitmentStatement: commitment.cid,
        commitment: setup.commitment,
        good: indices,
        answered: [answer],
      },
      reply: [said],
      secrets: [{ name: orderSecret('secret', order.ref), value: secret }],
      erase: ['enrolment-seed', 'enrolment-key'],
      keep: [...certifiedOf(commitment.cid, evidence), redemption, said],
      settled: 'redemption',
    };
  } finally {
    wipe(seed, key, ...(found?.good.values() ?? []));
  }
}

/**
 * When the clock alone changes the order next, Unix ms; null where it doesn't. Only keepUntil is a time: what B has enrolled
 * may be certified without its knowledge, and its Commitment be on its way for as long as it takes.
 */
export function beneficiaryDueAt({ state, keepUntil }: BeneficiaryOrder): number | null {
  return state === 'closed' ? null : keepUntil;
}

/** The order after its time: closed, or the same where nothing is due. */
export function expireBeneficiaryOrder(order: BeneficiaryOrder, now: number): BeneficiaryOrder {
  const due = beneficiaryDueAt(order);
  if (due === null || now <= due) return order;
  return { ...order, state: next(beneficiaryTransitions, order.state, 'keep-until-passes') };
}
