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
export { identityStatement, revocationStatement, roles, type Role } from './statement-types.js';
export {
  createIdentity,
  rotateIdentity,
  readIdentity,
  verifySuccession,
  type Identity,
  type NewIdentity,
} from './identity.js';
export { revokeIdentity, verifyRevocation, type Revocation } from './revocation.js';
export { generateKeys, generateSuccessor } from './generate-keys.js';
export { openRecoveryKey, sealRecoveryKey } from './recovery-key.js';
export { IdentityDirectory, MAX_GENERATIONS, type IdentityStanding } from './directory.js';
export {
  openKeyFile,
  passphraseProtection,
  sealKeyFile,
  type KeyFileProtection,
  type KeyGeneration,
} from './key-file.js';
