export { Evidence, assertMaySpeak, type Author, type Verifier, type VerifiedStatements } from './evidence.js';
export { mayBeLogged, readStatements } from './message.js';
export {
  orderStatements,
  type Commitment,
  type OrderStatement,
  type Request,
  requestStatement,
  enrolmentStatement,
  acceptanceStatement,
  dealStatement,
  manifestStatement,
  confirmationStatement,
  complaintStatement,
  commitmentStatement,
  redemptionStatement,
  releaseStatement,
  releasedStatement,
  receiptStatement,
  forwardStatement,
  affirmationStatement,
  acknowledgedStatement,
  pointSchema,
} from './statements.js';
export { checkTerms, memberIndex, signRequest, DEFAULT_SETUP_MS, type TermsInput } from './terms.js';
export {
  beneficiaryTransitions,
  awaitingStates,
  fiduciaryTransitions,
  isEnded,
  next,
  principalTransitions,
  type BeneficiaryState,
  type FiduciaryState,
  type PrincipalState,
} from './transitions.js';
export { secretContext, type NewSecret, type SecretKind, type SecretName } from './secret.js';
export { type OpenSecret, type DrawingContext, type Outcome, type Settled, type StepContext } from './step.js';
export {
  acceptOrder,
  commitOrder,
  confirmOrder,
  dealOrder,
  expireFiduciaryOrder,
  fiduciaryDueAt,
  releaseShare,
  takeReceipt,
  type FiduciaryOrder,
} from './fiduciary.js';
export {
  commitEnrolment,
  enrolOrder,
  beneficiaryDueAt,
  expireBeneficiaryOrder,
  noteManifest,
  redeemOrder,
  type BeneficiaryOrder,
} from './beneficiary.js';
export { advanceOrder, expirePrincipalOrder, placeOrder, principalDueAt } from './principal.js';
export {
  type Addressee,
  type Failure,
  type Outgoing,
  type PrincipalOrder,
  type PrincipalStep,
  type PrincipalVerb,
} from './principal-order.js';
export { expireRedemption, startRedemption } from './principal-redemption.js';
export {
  findVerb,
  messageOf,
  messages,
  nextVerb,
  statesWithNextVerb,
  verbsWhere,
  type Answers,
  type BeginningVerb,
  type Message,
  type Verb,
  type VerbFrom,
  type VerbTo,
} from './messages.js';
export { choiceOf, type SetupChoice, type SetupTerms } from './setup.js';
export { publicShare, verifySetup, type Setup } from './transcript.js';
export { certifiedKey, verifyCertificate } from './certificate.js';
export { isHalfSpent, REDEMPTION_MS, REDEMPTIONS_A_DAY } from './redemption.js';
export { affirmStatements } from './affirmation.js';
export { isQuestion, lacksCommitment, mayRenew, renewCommitment, type Owed } from './late-commitment.js';
export { checkAnswer, type Answer } from './answer.js';
