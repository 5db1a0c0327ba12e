export { AEAD_KEY_BYTES, AEAD_TAG_BYTES, aeadOpen, aeadOpenWithIv, aeadSeal, aeadSealWithIv } from './aead.js';
export { popSign, popVerify } from './bip340.js';
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
export {
  addPoints,
  addScalars,
  assertPoint,
  nonZeroScalar,
  POINT_BYTES,
  publicPoint,
  scalarFromBytes,
  scalarFromWide,
  scalarToBytes,
  SECP256K1_ORDER,
  WIDE_SCALAR_BYTES,
} from './secp256k1.js';
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
