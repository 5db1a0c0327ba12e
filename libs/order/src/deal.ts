import { ascii, cidToBytes, concat, u32, type Cid } from '@dta/codec';
import {
  assertPoint,
  commitPolynomial,
  evaluatePolynomial,
  hpkeOpen,
  hpkeSeal,
  openKem,
  sha256,
  verifyShare,
  wipe,
  type Group,
} from '@dta/crypto';
import { attachmentHash, pickAttachment } from '@dta/envelope';
import { DtaError, isDtaError } from '@dta/errors';
import { signStatement } from '@dta/identity';
import { deriveScalar } from './derive-scalar.js';
import { dealerKeySeed, keyForDealer } from './acceptance.js';
import type { Author, Evidence } from './evidence.js';
import { assertOfSetup, setupFields, type SetupTerms } from './setup.js';
import { dealStatement, type Acceptance, type Deal } from './statements.js';
import { memberIndex } from './terms.js';

/** SHA-256("DTA-DEAL1" ‖ request ‖ enrolment ‖ u32(epoch) ‖ u32(i) ‖ C_i0 ‖ …): what a dealer's proof signs. */
function dealDigest(
  order: Cid,
  enrolment: Cid,
  epoch: number,
  dealer: number,
  points: readonly Uint8Array[],
): Uint8Array {
  return sha256(ascii('DTA-DEAL1'), cidToBytes(order), cidToBytes(enrolment), u32(epoch), u32(dealer), ...points);
}

/** HPKE info of a share: it opens only as this dealer's to this member in this order and epoch. */
function shareInfo(order: Cid, epoch: number, dealer: number, member: number): Uint8Array {
  return concat(ascii('DTA-SHARE1'), cidToBytes(order), u32(epoch), u32(dealer), u32(member));
}

/**
 * The dealer's t coefficients, each [32]: OS2IP(HKDF(seed, "DTA-COEFF1" ‖ request ‖ u32(epoch) ‖ u32(k), 48)) mod q.
 * `seed` [64] is HSM random [32] ‖ system random [32], used once.
 */
export function deriveCoefficients(
  group: Group,
  seed: Uint8Array,
  order: Cid,
  epoch: number,
  threshold: number,
): Uint8Array[] {
  return Array.from({ length: threshold }, (_, k) =>
    deriveScalar(group, seed, concat(ascii('DTA-COEFF1'), cidToBytes(order), u32(epoch), u32(k))),
  );
}

/**
 * Signs a Deal: points of the polynomial, and for each acceptor its share, sealed [1168] under the key that it made for
 * this dealer. The sealed shares, in acceptors' order, are attachments. `acceptances` are by member index.
 *
 * @throws `attachment_invalid` where an acceptor's key is missing or altered
 */
export async function signDeal(
  evidence: Evidence,
  setup: SetupTerms,
  acceptances: ReadonlyMap<number, Acceptance>,
  keys: readonly Uint8Array[],
  coefficients: readonly Uint8Array[],
  dealer: number,
  author: Author,
): Promise<{ deal: Deal; attachments: Uint8Array[] }> {
  const members = [...acceptances].sort(([a], [b]) => a - b);
  const { group } = setup;
  const points = commitPolynomial(group, coefficients);
  const sealed = await Promise.all(
    members.map(async ([member, acceptance]) => {
      const share = evaluatePolynomial(group, coefficients, member);
      try {
        const key = keyForDealer(acceptance, dealer, keys);
        return await hpkeSeal(key, shareInfo(evidence.order, setup.epoch, dealer, member), share);
      } finally {
        wipe(share);
      }
    }),
  );
  const [constant] = coefficients;
  if (constant === undefined) throw new DtaError('internal', 'a polynomial has a constant term');
  const deal = await signStatement(
    dealStatement,
    {
      issuer: author.identity.cid,
      order: evidence.order,
      createdAt: evidence.now,
      ...setupFields(setup),
      acceptances: members.map(([member, { cid }]): [number, Cid] => [member, cid]),
      dealer,
      points,
      shares: members.map(([member], at): [number, Uint8Array] => [
        member,
        attachmentHash(sealed[at] ?? new Uint8Array()),
      ]),
      pop: group.popSign(constant, dealDigest(evidence.order, setup.enrolment.cid, setup.epoch, dealer, points)),
    },
    [author.key],
  );
  proven.add(deal);
  return { deal, attachments: sealed };
}

/**
 * Checks one Deal and says whose it is: by the dealer of its index, of this setup, t points of the group, for exactly
 * these acceptances, with a proof that a_i0 is known.
 *
 * @throws `identity_not_admitted`; `deal_invalid`, `point_invalid` and `pop_invalid`, which name the `dealer`
 */
export function verifyDeal(
  deal: Deal,
  setup: SetupTerms,
  acceptances: ReadonlyMap<number, Acceptance>,
  evidence: Evidence,
): number {
  const { request } = evidence;
  const { group } = setup;
  const { issuer, dealer, points, shares, pop } = deal.body;
  if (issuer === null) throw new DtaError('deal_invalid', 'Deal without an issuer');
  const refuse = (reason: string) => new DtaError('deal_invalid', reason, { metadata: { dealer } });
  if (memberIndex(request, issuer, evidence.directory) !== dealer)
    throw refuse('Deal by another than the dealer of its index');
  assertOfSetup(deal.body, setup);
  const members = [...acceptances].sort(([a], [b]) => a - b);
  const named = deal.body.acceptances;
  if (
    named.length !== members.length ||
    !members.every(([member, { cid }], at) => named[at]?.[0] === member && named[at][1] === cid)
  ) {
    throw refuse('a Deal names all acceptances and no other');
  }
  if (shares.length !== members.length || !members.every(([member], at) => shares[at]?.[0] === member)) {
    throw refuse('a Deal has one share for each acceptance');
  }
  const [constant] = points;
  if (points.length !== request.body.threshold || constant === undefined)
    throw refuse('a Deal has as many points as the threshold');
  for (const point of points) assertDealt(group, point, dealer);
  if (proven.has(deal)) return dealer;
  if (
    pop === null ||
    !group.popVerify(constant, dealDigest(evidence.order, setup.enrolment.cid, setup.epoch, dealer, points), pop)
  ) {
    throw new DtaError('pop_invalid', 'a dealer did not prove that it knows its polynomial', { metadata: { dealer } });
  }
  proven.add(deal);
  return dealer;
}

/** @throws `point_invalid`, naming the dealer */
function assertDealt(group: Group, point: Uint8Array, dealer: number): void {
  try {
    assertPoint(group, point);
  } catch (cause) {
    throw new DtaError('point_invalid', 'a dealer published what is no point of the group', {
      cause,
      metadata: { dealer },
    });
  }
}

/** Deals whose proof held, or was made here: a statement never changes, and P comes back to the same ones at each step. */
const proven = new WeakSet<Deal>();

/**
 * The sealed share [1168] that a Deal has for `member`, out of the attachments.
 *
 * @throws `attachment_invalid` where it is missing or altered on the way: the carrier's fault, not the dealer's
 */
export function sealedShareFor(deal: Deal, member: number, attachments: readonly Uint8Array[]): Uint8Array {
  const hash = deal.body.shares.find(([index]) => index === member)?.[1];
  if (hash === undefined)
    throw new DtaError('deal_invalid', 'a Deal has no share for that member', { metadata: { member } });
  return pickAttachment(attachments, hash);
}

/**
 * Whether `share` is the one that `points` promise to `member`. Bytes that are no scalar are not: whoever signed them is
 * at fault, and nobody else's step may fail for it.
 *
 * @throws `point_invalid`
 */
export function isShareOf(group: Group, points: readonly Uint8Array[], member: number, share: Uint8Array): boolean {
  try {
    return verifyShare(group, points, member, share);
  } catch (error) {
    if (isDtaError(error, 'scalar_invalid')) return false;
    throw error;
  }
}

/**
 * Opens and checks the share s_ij [32] that a dealer sent to this member.
 *
 * @throws `attachment_invalid`; `deal_invalid` where it doesn't open or doesn't lie on the dealer's polynomial
 */
export async function openShare(
  group: Group,
  deal: Deal,
  member: number,
  epochSeed: Uint8Array,
  attachments: readonly Uint8Array[],
): Promise<Uint8Array> {
  const { dealer, epoch, order, points } = deal.body;
  const sealed = sealedShareFor(deal, member, attachments);
  if (order === null) throw new DtaError('deal_invalid', 'Deal of no order');
  const seed = dealerKeySeed(epochSeed, dealer);
  const refuse = (cause?: unknown) =>
    new DtaError('deal_invalid', 'a dealt share does not fit the points of its dealer', {
      cause,
      metadata: { dealer },
    });
  let share: Uint8Array;
  try {
    share = await hpkeOpen(await openKem(seed), shareInfo(order, epoch, dealer, member), sealed);
  } catch (cause) {
    throw refuse(cause);
  } finally {
    wipe(seed);
  }
  if (isShareOf(group, points, member, share)) return share;
  wipe(share);
  throw refuse();
}
