export {
  defineStatement,
  parseStatement,
  signStatement,
  cosignStatement,
  statementDigest,
  verifySignature,
  isStatement,
  MAX_STATEMENT_BYTES,
  type BodyOf,
  type Statement,
  type StatementOf,
  type StatementType,
} from './statement.js';
export { assertNotAhead, CLOCK_SKEW_MS } from './clock.js';
export { softwareSigningKey, type SigningKey } from './signing-key.js';
export { decisionStatement, identityStatement, revocationStatement, roles, type Role } from './statement-types.js';
export {
  createIdentity,
  nextKeyHash,
  rotateIdentity,
  readIdentity,
  verifySuccession,
  type Identity,
  type NewIdentity,
} from './identity.js';
export { revokeIdentity, verifyRevocation, type Revocation } from './revocation.js';
export { decideFork, verifyDecision, type Decision } from './decision.js';
export {
  drawKey,
  generateKeys,
  generateSuccessor,
  type ChosenKeys,
  type DrawnKey,
  type SuccessorKeys,
} from './generate-keys.js';
export { openSpareKey, sealSpareKey, type SpareKey } from './spare-key.js';
export type { Line } from './line.js';
export { IdentityDirectory, MAX_GENERATIONS, type IdentityStanding } from './directory.js';
export {
  openKeyFile,
  passphraseProtection,
  sealKeyFile,
  wipeGenerations,
  type KeyFileProtection,
  type KeyGeneration,
  type NextKey,
} from './key-file.js';
