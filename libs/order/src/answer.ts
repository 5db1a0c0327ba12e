import type { Cid } from '@dta/codec';
import { assertKemPublicKey } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { isStatement, type StatementOf, type StatementType } from '@dta/identity';
import { keyForDealer, verifyAcceptance } from './acceptance.js';
import { verifyAffirmation } from './affirmation.js';
import { certifiedOf, verifyConfirmation } from './certificate.js';
import { sealedShareFor, verifyDeal } from './deal.js';
import { verifyEnrolment } from './enrolment.js';
import type { Evidence } from './evidence.js';
import { messageOf } from './messages.js';
import type { PrincipalOrder, PrincipalVerb } from './principal-order.js';
import { verifyReleased } from './redemption.js';
import { firstSetup } from './setup.js';
import {
  acceptanceStatement,
  acknowledgedStatement,
  affirmationStatement,
  confirmationStatement,
  dealStatement,
  enrolmentStatement,
  forwardStatement,
  manifestStatement,
  receiptStatement,
  releasedStatement,
  type Acceptance,
  type Manifest,
  type OrderStatement,
} from './statements.js';
import { verifyAcceptances, verifySetup } from './transcript.js';

/** A reply that was checked by {@link checkAnswer}. */
export interface Answer {
  readonly party: Cid;
  readonly verb: PrincipalVerb;
  readonly statements: readonly OrderStatement[];
  readonly attachments: readonly Uint8Array[];
}

/**
 * Checks one answer before it counts: exactly the right statements, by the party asked, of this setup, with all
 * attachments. A statement more would become the order's evidence.
 *
 * @throws what the statements' own checks throw: the answer is as good as none, and the party still owes one
 */
export function checkAnswer(
  order: PrincipalOrder,
  answer: Answer,
  known: Evidence,
  envelopes: readonly Uint8Array[],
): void {
  const { party, verb, attachments } = answer;
  const evidence = known.with(...answer.statements);
  const said = <S extends StatementType>(type: S): StatementOf<S> => only(type, answer);
  const asMember = (index: number) => {
    if (order.fiduciaries[index - 1] !== party) throw new DtaError('envelope_invalid', 'an answer for another member');
  };
  const alone = order.fiduciaries.length === 1;
  const { answers } = messageOf(verb);
  const expected = (alone ? answers.alone : undefined) ?? answers.says;
  if (answer.statements.length !== expected.length || (!answers.envelopes && envelopes.length > 0))
    throw new DtaError('envelope_invalid', `the answer to ${verb} has more or less in it than belongs there`);
  const attached = answers.attachments === 'none' || alone ? 0 : order.fiduciaries.length;
  if (attachments.length > attached)
    // it would be kept for as long as the order
    throw new DtaError('envelope_invalid', `the answer to ${verb} has more attachments than belong there`);
  const acknowledges = (statement: Cid | null) => {
    const acknowledged = said(acknowledgedStatement);
    evidence.assertBy(acknowledged, party);
    if (acknowledged.body.statement !== statement)
      throw new DtaError('envelope_invalid', 'another statement is acknowledged than was sent');
  };
  const setup = () => firstSetup(evidence.one(enrolmentStatement), evidence);
  const members = order.fiduciaries.map((_, at) => at + 1);
  switch (verb) {
    case 'enrol':
      return verifyEnrolment(said(enrolmentStatement), evidence);
    case 'accept': {
      if (alone) {
        // of two statements the other is the one Deal that the setup needs, which is checked with it
        return asMember(
          verifyConfirmation(said(confirmationStatement), verifySetup(said(dealStatement), evidence), evidence),
        );
      }
      const acceptance = said(acceptanceStatement);
      asMember(verifyAcceptance(acceptance, setup(), evidence));
      for (const dealer of members) assertKemPublicKey(keyForDealer(acceptance, dealer, attachments));
      return;
    }
    case 'deal': {
      const deal = said(dealStatement);
      asMember(
        verifyDeal(deal, setup(), verifyAcceptances(forwardedAcceptances(order, known), setup(), known), evidence),
      );
      for (const member of members) sealedShareFor(deal, member, attachments);
      return;
    }
    case 'confirm':
      return asMember(
        verifyConfirmation(said(confirmationStatement), verifySetup(manifestOf(order, known), known), known),
      );
    case 'manifest':
      return acknowledges(order.manifest);
    case 'commit':
      return acknowledges(order.certificate);
    case 'receipt':
      return acknowledges(evidence.get(receiptStatement, said(acknowledgedStatement).body.statement).cid);
    case 'release':
      return asMember(verifyReleased(said(releasedStatement), order.redemption ?? order.ref, envelopes, evidence));
    case 'affirm':
      return verifyAffirmation(
        said(affirmationStatement),
        party,
        certifiedOf(order.certificate ?? order.ref, known),
        known,
      );
    case 'redeem': {
      const receipt = said(receiptStatement);
      evidence.assertBy(receipt, order.beneficiary);
      if (receipt.body.redemption !== order.redemption || receipt.body.good.length < order.threshold) {
        throw new DtaError('shares_insufficient', 'the beneficiary does not hold the secret yet');
      }
      return;
    }
  }
}

/** The Acceptances of which P asked Deals, as its own Forward names them. @throws `envelope_invalid` */
export function forwardedAcceptances({ ref, forward }: PrincipalOrder, evidence: Evidence): Acceptance[] {
  return evidence
    .get(forwardStatement, forward ?? ref)
    .body.statements.map((cid) => evidence.get(acceptanceStatement, cid));
}

function manifestOf({ ref, manifest }: PrincipalOrder, evidence: Evidence): Manifest {
  return evidence.get(manifestStatement, manifest ?? ref);
}

/** The one statement of that type in an answer. @throws `envelope_invalid` */
export function only<S extends StatementType>(type: S, answer: Answer): StatementOf<S> {
  const found = answer.statements.filter((statement): statement is StatementOf<S> & OrderStatement =>
    isStatement(type, statement),
  );
  const [statement, another] = found;
  if (statement === undefined || another !== undefined) {
    throw new DtaError('envelope_invalid', `the answer to ${answer.verb} has exactly one ${type.type}`);
  }
  return statement;
}
