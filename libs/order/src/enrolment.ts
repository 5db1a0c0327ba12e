import { ascii, cidToBytes, concat, type Cid } from '@dta/codec';
import { assertKemPublicKey, assertPoint, hkdf, kemKeyPair, sha256, wipe, type Group } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { signStatement } from '@dta/identity';
import { deriveScalar } from './derive-scalar.js';
import type { Author, Evidence } from './evidence.js';
import { groupOf } from './group-of.js';
import { enrolmentStatement, type Enrolment, type Request } from './statements.js';

/** SHA-256("DTA-ENROL1" ‖ request ‖ B's first CID ‖ ec ‖ kem): what B's proof of possession signs. */
function enrolmentDigest(request: Cid, beneficiary: Cid, ec: Uint8Array, kem: Uint8Array): Uint8Array {
  return sha256(ascii('DTA-ENROL1'), cidToBytes(request), cidToBytes(beneficiary), ec, kem);
}

/** The keys of one order: b [32], and the X-Wing seed [32] that Releases are sealed to. */
export interface EnrolmentKeys {
  readonly key: Uint8Array;
  readonly seed: Uint8Array;
}

/** Derives an order's keys from fresh randomness: seed [64] is HSM random [32] ‖ system random [32]. */
export function deriveEnrolmentKeys(group: Group, seed: Uint8Array, request: Cid): EnrolmentKeys {
  const order = cidToBytes(request);
  const key = deriveScalar(group, seed, concat(ascii('DTA-ENROL-EC1'), order));
  return { key, seed: hkdf(seed, concat(ascii('DTA-ENROL-KEM1'), order), 32) };
}

/** Signs the Enrolment of an order: the keys, and the proof that b is known. */
export async function signEnrolment(
  request: Request,
  keys: EnrolmentKeys,
  first: Cid,
  author: Author,
  now: number,
): Promise<Enrolment> {
  const { publicKey: kem, seed: copy } = await kemKeyPair(keys.seed);
  wipe(copy);
  const group = groupOf(request);
  const ec = group.publicPoint(keys.key);
  const enrolment = await signStatement(
    enrolmentStatement,
    {
      issuer: author.identity.cid,
      order: request.cid,
      createdAt: now,
      kem,
      ec,
      pop: group.popSign(keys.key, enrolmentDigest(request.cid, first, ec, kem)),
    },
    [author.key],
  );
  proven.add(enrolment);
  return enrolment;
}

/**
 * Checks an Enrolment: by the beneficiary that the Request names, its point of the order's group, its proof of possession.
 *
 * @throws `signature_invalid`, `point_invalid`, `pop_invalid`
 */
export function verifyEnrolment(enrolment: Enrolment, evidence: Evidence): void {
  const { request } = evidence;
  const { ec, kem, pop } = enrolment.body;
  evidence.assertBy(enrolment, request.body.beneficiary);
  if (proven.has(enrolment)) return;
  const group = groupOf(request);
  assertPoint(group, ec);
  assertKemPublicKey(kem);
  const first = evidence.directory.firstOf(request.body.beneficiary);
  if (!group.popVerify(ec, enrolmentDigest(request.cid, first, ec, kem), pop)) {
    throw new DtaError('pop_invalid', 'the beneficiary did not prove that it knows its key');
  }
  proven.add(enrolment);
}

/**
 * Enrolments whose proof held, or was made here: a statement never changes, and P comes back to the same one at each step.
 */
const proven = new WeakSet<Enrolment>();
