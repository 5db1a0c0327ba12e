export { AEAD_KEY_BYTES, AEAD_TAG_BYTES, aeadOpen, aeadOpenWithIv, aeadSeal, aeadSealWithIv } from './aead.js';
export {
  assertEd25519PublicKey,
  ED25519_PUBLIC_KEY_BYTES,
  ED25519_SIGNATURE_BYTES,
  ed25519PublicKey,
  ed25519Sign,
  ed25519Verify,
  openEd25519,
  type Ed25519PrivateKey,
} from './ed25519.js';
export { handOn, hkdf, randomBytes, sha256, timingSafeEqual, wipe } from './hash.js';
export { assertKemPublicKey, hpkeOpen, hpkeSeal, kemKeyPair, openKem, type KemPrivateKey } from './hpke.js';
export type { Group, ScalarField } from './groups/group.js';
export { groupNamed, groupNames, type GroupName } from './groups/groups.js';
export { addPoints, assertPoint } from './groups/points.js';
export { addScalars, scalarFromBytes, scalarFromWide, scalarToBytes, WIDE_SCALAR_BYTES } from './groups/scalars.js';
export { secp256k1 } from './groups/secp256k1.js';
export {
  addVectors,
  combineShares,
  commitPolynomial,
  evaluatePolynomial,
  evaluateVector,
  lagrangeAtZero,
  verifyShare,
  type IndexedShare,
} from './sharing.js';
export { KEM_ENC_BYTES, KEM_PUBLIC_KEY_BYTES, KEM_SEED_BYTES } from './x-wing.js';
