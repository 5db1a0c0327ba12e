import { bytesEqual, type Cid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import { signStatement } from '@dta/identity';
import type { Author, Evidence } from './evidence.js';
import { choiceOf, statementsOf } from './setup.js';
import {
  commitmentStatement,
  confirmationStatement,
  enrolmentStatement,
  type Commitment,
  type Confirmation,
  type OrderStatement,
} from './statements.js';
import { memberIndex } from './terms.js';
import { assertTranscript, byIndex, verifySetup, type Setup } from './transcript.js';

/** Signs that x_j is durably stored under this setup's transcript. */
export function signConfirmation(setup: Setup, evidence: Evidence, author: Author): Promise<Confirmation> {
  return signStatement(
    confirmationStatement,
    {
      issuer: author.identity.cid,
      order: evidence.order,
      createdAt: evidence.now,
      transcript: setup.transcript,
      vector: setup.vectorHash,
    },
    [author.key],
  );
}

/** Checks one Confirmation of `setup` and says whose it is. @throws `transcript_mismatch`, `identity_not_admitted` */
export function verifyConfirmation(confirmation: Confirmation, setup: Setup, evidence: Evidence): number {
  const { issuer, transcript, vector } = confirmation.body;
  assertTranscript(transcript, setup);
  if (!bytesEqual(vector, setup.vectorHash))
    throw new DtaError('transcript_mismatch', 'Confirmation of another vector');
  if (issuer === null) throw new DtaError('transcript_mismatch', 'Confirmation without an issuer');
  return memberIndex(evidence.request, issuer, evidence.directory);
}

/** Signs the Commitment of a confirmed setup. The certificate is the Confirmations; the Commitment names what they say. */
export function signCommitment(setup: Setup, evidence: Evidence, author: Author): Promise<Commitment> {
  return signStatement(
    commitmentStatement,
    {
      issuer: author.identity.cid,
      order: evidence.order,
      createdAt: evidence.now,
      transcript: setup.transcript,
      vector: [...setup.vector],
      commitment: setup.commitment,
    },
    [author.key],
  );
}

/**
 * Checks that every member of `setup`, and no other, confirmed it. Confirmations of other transcripts are not looked at.
 *
 * @throws `certificate_invalid`, and as `verifyConfirmation`
 */
export function verifyConfirmations(setup: Setup, evidence: Evidence): void {
  const confirmations = byIndex(confirmationsOf(setup.transcript, evidence), (confirmation) =>
    verifyConfirmation(confirmation, setup, evidence),
  );
  if (confirmations.size !== setup.members.length || !setup.members.every((member) => confirmations.has(member))) {
    throw new DtaError('certificate_invalid', 'a certificate has the Confirmations of all members and no other');
  }
}

function confirmationsOf(transcript: Uint8Array, evidence: Evidence): Confirmation[] {
  return evidence.all(confirmationStatement).filter(({ body }) => bytesEqual(body.transcript, transcript));
}

/** The setup that a Commitment is to, checked whole. @throws as `choiceOf`, `verifySetup` */
export function committedSetup({ body }: Commitment, evidence: Evidence): Setup {
  return verifySetup(choiceOf(body.transcript, evidence), evidence);
}

/**
 * Checks a whole certificate: the Confirmations of all members of `setup`, and P's Commitment to the vector and the Y that
 * follow from it.
 *
 * @throws `certificate_invalid`, `transcript_mismatch`, `signature_invalid`
 */
export function verifyCertificate(commitment: Commitment, setup: Setup, evidence: Evidence): void {
  evidence.assertBy(commitment, evidence.principal);
  assertTranscript(commitment.body.transcript, setup);
  verifyConfirmations(setup, evidence);
  const { vector, commitment: key } = commitment.body;
  if (
    vector.length !== setup.vector.length ||
    !vector.every((point, k) => bytesEqual(point, setup.vector[k] ?? new Uint8Array())) ||
    !bytesEqual(key, setup.commitment)
  ) {
    throw new DtaError('certificate_invalid', 'the Commitment is to another key than the deals make');
  }
}

/**
 * The key Y that the Commitment `certificate` certifies, by what its parties signed alone.
 *
 * @throws `envelope_invalid` where it isn't there; what setup and certificate are refused for
 */
export function certifiedKey(certificate: Cid, evidence: Evidence): Uint8Array {
  const commitment = evidence.get(commitmentStatement, certificate);
  const setup = committedSetup(commitment, evidence);
  verifyCertificate(commitment, setup, evidence);
  return setup.commitment;
}

/**
 * Request, Enrolment, Manifest, Acceptances, Deals, Confirmations: all that a certificate of this transcript [32] is
 * checked with, and nothing of another round or epoch.
 *
 * @throws as `choiceOf`; `envelope_invalid` where the Enrolment isn't there
 */
export function certificateOf(transcript: Uint8Array, evidence: Evidence): OrderStatement[] {
  const choice = choiceOf(transcript, evidence);
  const { acceptances, deals } = statementsOf(choice, evidence);
  const manifest = choice.body.type === 'manifest' ? [choice] : [];
  return [
    evidence.request,
    evidence.get(enrolmentStatement, choice.body.enrolment),
    ...[...manifest, ...acceptances, ...deals, ...confirmationsOf(transcript, evidence)],
  ];
}

/** The same, with the order's Commitment before it. */
export function certifiedOf(certificate: Cid, evidence: Evidence): OrderStatement[] {
  const commitment = evidence.get(commitmentStatement, certificate);
  return [commitment, ...certificateOf(commitment.body.transcript, evidence)];
}
