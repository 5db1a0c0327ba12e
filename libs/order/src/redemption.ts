import { bytesEqual, type Cid } from '@dta/codec';
import { addScalars, combineShares, handOn, openKem, sha256, wipe } from '@dta/crypto';
import { openEnvelope, parseEnvelope, sealEnvelope, verifyEnvelope, type Opener } from '@dta/envelope';
import { DtaError } from '@dta/errors';
import { assertNotAhead, parseStatement, signStatement, verifySignature, type Identity } from '@dta/identity';
import { isShareOf } from './deal.js';
import { assertMaySpeak, type Author, type Evidence } from './evidence.js';
import {
  enrolmentStatement,
  redemptionStatement,
  releasedStatement,
  releaseStatement,
  type Commitment,
  type Redemption,
  type Release,
  type Released,
} from './statements.js';
import { memberIndex } from './terms.js';
import type { Setup } from './transcript.js';

/** How long a Redemption of this principal's may be answered, in ms. */
export const REDEMPTION_MS = 5 * 60_000;

/** How long any Redemption may be answered, in ms: one that was stolen or held back is soon worth nothing. */
const MAX_REDEMPTION_MS = 10 * 60_000;

/** How many Redemptions of one order a fiduciary, and a beneficiary, answers in 24 hours. */
export const REDEMPTIONS_A_DAY = 16;

/** In ms. */
const DAY = 24 * 60 * 60_000;

/** A Redemption that a fiduciary or a beneficiary has answered. */
export interface Answered {
  readonly redemption: Cid;
  /** Unix ms */
  readonly at: number;
}

/** Those of `answered` that count for the day's. @throws `redemption_limit` where there is room for no other */
export function answeredToday<A extends Answered>(answered: readonly A[], now: number): A[] {
  const recent = answered.filter(({ at }) => at > now - DAY);
  if (recent.length < REDEMPTIONS_A_DAY) return recent;
  throw new DtaError('redemption_limit', 'this order was redeemed too often in 24 hours', {
    metadata: { limit: REDEMPTIONS_A_DAY },
  });
}

/** Whether P has asked for half of the Redemptions of its order that a fiduciary answers in a day. */
export function isHalfSpent(evidence: Evidence): boolean {
  const recent = evidence.all(redemptionStatement).filter(({ body }) => body.createdAt > evidence.now - DAY);
  return recent.length >= REDEMPTIONS_A_DAY / 2;
}

/** The largest envelope of a Release: it is about 2,300 bytes, and B's message must have room for 32 of them. */
const MAX_RELEASE_BYTES = 4 * 1024;

/** Signs the demand to release an order's shares to its beneficiary. */
export function signRedemption(
  commitment: Commitment,
  setup: Setup,
  author: Author,
  order: Cid,
  now: number,
): Promise<Redemption> {
  return signStatement(
    redemptionStatement,
    {
      issuer: author.identity.cid,
      order,
      createdAt: now,
      certificate: commitment.cid,
      transcript: setup.transcript,
      epoch: setup.epoch,
      expiresAt: now + REDEMPTION_MS,
    },
    [author.key],
  );
}

/**
 * Checks a Redemption of a certified setup: by P's chain, of this certificate and epoch, for 10 minutes at most, not expired.
 *
 * @throws `signature_invalid`, `certificate_invalid`, `terms_invalid`, `redemption_expired`
 */
export function verifyRedemption(
  redemption: Redemption,
  commitment: Commitment,
  setup: Setup,
  evidence: Evidence,
): void {
  const { body } = redemption;
  evidence.assertBy(redemption, evidence.principal);
  if (
    body.certificate !== commitment.cid ||
    body.epoch !== setup.epoch ||
    !bytesEqual(body.transcript, setup.transcript)
  ) {
    throw new DtaError('certificate_invalid', 'the Redemption names another certificate than the evidence has');
  }
  if (body.expiresAt > body.createdAt + MAX_REDEMPTION_MS)
    throw new DtaError('terms_invalid', 'a Redemption expires at most 10 minutes after it is made');
  if (body.expiresAt <= evidence.now) {
    throw new DtaError('redemption_expired', 'the Redemption is no longer answered', {
      metadata: { redemption: redemption.cid },
    });
  }
}

/**
 * Signs a member's Release, sealed to the order's own key, and the Released that says so to everyone else.
 *
 * @throws `release_invalid` where `share` isn't this member's under the certificate: a row swapped in the database
 */
export async function signRelease(
  redemption: Redemption,
  setup: Setup,
  index: number,
  share: Uint8Array,
  evidence: Evidence,
  author: Author,
): Promise<{ released: Released; envelope: Uint8Array }> {
  if (!isShareOf(setup.group, setup.vector, index, share)) {
    throw new DtaError(
      'release_invalid',
      'the stored share does not fit its certificate: the row may have been altered',
    );
  }
  const { issuer: beneficiary, kem } = setup.enrolment.body;
  if (beneficiary === null) throw new DtaError('terms_invalid', 'an Enrolment names its beneficiary as issuer');
  const common = { issuer: author.identity.cid, order: evidence.order, createdAt: evidence.now };
  const release = await signStatement(
    releaseStatement,
    { ...common, redemption: redemption.cid, transcript: setup.transcript, epoch: setup.epoch, index, share },
    [author.key],
  );
  const envelope = await sealEnvelope(
    {
      sender: author.identity,
      from: 'fiduciary',
      order: evidence.order,
      prev: [],
      log: false,
      recipients: [{ id: beneficiary, role: 'beneficiary', kem }],
      statements: [release.bytes],
      now: evidence.now,
    },
    author.key,
  ).finally(() => wipe(release.bytes));
  const released = await signStatement(
    releasedStatement,
    { ...common, redemption: redemption.cid, index, envelope: envelope.cid },
    [author.key],
  );
  return { released, envelope: envelope.bytes };
}

/** What B found in the Releases of one Redemption. */
export interface Releases {
  /** shares that lie on the certified polynomial, by member */
  readonly good: ReadonlyMap<number, Uint8Array>;
  /** [member, CID of the signed Release] of those that don't, one a member: each proves its author's fault */
  readonly bad: readonly (readonly [number, Cid])[];
}

/**
 * Opens the Releases of a Redemption with the order's key and checks each share against its member's public share.
 * An envelope that isn't a member's Release for exactly this Redemption proves nothing about anyone and is left out.
 */
export async function openReleases(
  envelopes: readonly Uint8Array[],
  redemption: Redemption,
  setup: Setup,
  seed: Uint8Array,
  evidence: Evidence,
): Promise<Releases> {
  const { issuer, kem } = setup.enrolment.body;
  if (issuer === null) throw new DtaError('terms_invalid', 'an Enrolment names its beneficiary as issuer');
  const opener: Opener = { id: issuer, role: 'beneficiary', keyHash: sha256(kem), key: await openKem(seed) };
  const good = new Map<number, Uint8Array>();
  const bad = new Map<number, Cid>();
  try {
    for (const bytes of envelopes) {
      const release = await openRelease(bytes, redemption, setup, opener, evidence).catch((error: unknown) => {
        if (error instanceof DtaError) return undefined;
        throw error;
      });
      if (release === undefined) continue;
      const { index, share } = release.body;
      if (good.has(index)) {
        wipe(share);
        continue;
      }
      if (await handOn([share], () => isShareOf(setup.group, setup.vector, index, share))) {
        good.set(index, share);
      } else {
        bad.set(index, release.cid);
        wipe(share);
      }
    }
  } catch (error) {
    wipe(...good.values());
    throw error;
  }
  return { good, bad: [...bad].sort(([a], [b]) => a - b) };
}

async function openRelease(
  bytes: Uint8Array,
  redemption: Redemption,
  setup: Setup,
  opener: Opener,
  evidence: Evidence,
): Promise<Release> {
  const envelope = parseEnvelope(bytes);
  const { header } = envelope;
  const sender = evidence.directory.get(header.sender);
  verifyEnvelope(envelope, sender);
  assertMaySpeak(sender, evidence.directory);
  assertNotAhead(header.createdAt, evidence.now);
  if (header.log || header.order !== evidence.order || header.from !== 'fiduciary')
    throw invalid('not the envelope of a Release');
  const statements = await openEnvelope(envelope, [opener]);
  try {
    return readRelease(statements, sender, redemption, setup, evidence);
  } finally {
    wipe(...statements);
  }
}

/** The share in it is a copy; `bytes` of the Release are for whoever opened it to wipe. */
function readRelease(
  [statement = new Uint8Array(), ...more]: readonly Uint8Array[],
  sender: Identity,
  redemption: Redemption,
  setup: Setup,
  evidence: Evidence,
): Release {
  const release = parseStatement([releaseStatement], statement);
  try {
    if (more.length > 0) throw invalid('a Release comes alone');
    assertReleaseOf(release, sender, redemption, setup, evidence);
    return release;
  } catch (error) {
    wipe(release.body.share);
    throw error;
  }
}

/** @throws `release_invalid` unless it is a member's own, of just this Redemption; as `verifySignature` */
function assertReleaseOf(
  release: Release,
  sender: Identity,
  redemption: Redemption,
  setup: Setup,
  evidence: Evidence,
): void {
  const { body } = release;
  verifySignature(release, sender.keys.sign);
  assertNotAhead(body.createdAt, evidence.now);
  if (
    body.issuer !== sender.cid ||
    body.order !== evidence.order ||
    body.redemption !== redemption.cid ||
    body.epoch !== setup.epoch ||
    !bytesEqual(body.transcript, setup.transcript) ||
    memberIndex(evidence.request, sender.cid, evidence.directory) !== body.index ||
    !setup.members.includes(body.index)
  ) {
    throw invalid('Release for another order, redemption, epoch or member');
  }
}

/**
 * y [32] = Σ λ_j·x_j + b mod q, for any t good shares.
 *
 * @throws `shares_insufficient`; `release_invalid` unless y·G = Y
 */
export function combineSecret({ good, bad }: Releases, key: Uint8Array, setup: Setup): Uint8Array {
  const threshold = setup.vector.length;
  const shares = [...good].slice(0, threshold).map(([index, share]) => ({ index, share }));
  if (shares.length < threshold) {
    throw new DtaError('shares_insufficient', 'fewer good shares than the threshold', {
      metadata: { good: [...good.keys()], bad: bad.map(([index]) => index), threshold },
    });
  }
  const { group } = setup;
  const combined = combineShares(group, shares);
  let secret: Uint8Array;
  try {
    secret = addScalars(group, combined, key);
  } finally {
    wipe(combined);
  }
  if (!bytesEqual(group.publicPoint(secret), setup.commitment)) {
    wipe(secret);
    throw new DtaError('release_invalid', 'the combined shares do not make the committed key');
  }
  return secret;
}

/**
 * Checks one Released, as far as one can who can't open its Release: of this Redemption, by that member, and beside it
 * one envelope, by the same member, to the order's own key alone, that is no larger than a Release is.
 *
 * @throws `release_invalid`, `identity_not_admitted`; `envelope_invalid` and the like for what is no envelope
 */
export function verifyReleased(
  released: Released,
  redemption: Cid,
  envelopes: readonly Uint8Array[],
  evidence: Evidence,
): number {
  const { issuer, index, envelope: cid } = released.body;
  const [bytes, ...more] = envelopes;
  if (issuer === null || bytes === undefined || more.length > 0 || bytes.length > MAX_RELEASE_BYTES) {
    throw invalid('a Released comes with one Release');
  }
  const envelope = parseEnvelope(bytes);
  const { header } = envelope;
  verifyEnvelope(envelope, evidence.directory.get(header.sender));
  const { body: enrolment } = evidence.one(enrolmentStatement);
  const [recipient, ...others] = header.recipients;
  if (
    released.body.redemption !== redemption ||
    envelope.cid !== cid ||
    memberIndex(evidence.request, issuer, evidence.directory) !== index ||
    !evidence.directory.sameChain(header.sender, issuer) || // so it is from a fiduciary, which has no other role
    header.order !== evidence.order ||
    header.log ||
    others.length > 0 ||
    recipient?.id !== enrolment.issuer ||
    !bytesEqual(recipient.key, sha256(enrolment.kem))
  ) {
    throw invalid('Released of another redemption, envelope or member');
  }
  return index;
}

function invalid(reason: string): DtaError {
  return new DtaError('release_invalid', reason);
}
