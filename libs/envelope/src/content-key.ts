import { ascii, concat, u32 } from '@dta/codec';
import { hkdf, sha256 } from '@dta/crypto';

/** Kenc ‖ Kcom = HKDF-SHA256(ikm = CEK, salt = N, info = "DTA-ENV1" ‖ H, 64) (docs/protocol.md §3). */
export function deriveContentKeys(
  contentKey: Uint8Array,
  salt: Uint8Array,
  headerHash: Uint8Array,
): { encryptionKey: Uint8Array; keyCommitment: Uint8Array } {
  const keys = hkdf(contentKey, concat(ascii('DTA-ENV1'), headerHash), 64, salt);
  return { encryptionKey: keys.subarray(0, 32), keyCommitment: keys.slice(32) };
}

/** What the ciphertext is bound to, H ‖ N ‖ Kcom; its hash binds each wrap. */
export function contentBinding(headerHash: Uint8Array, salt: Uint8Array, keyCommitment: Uint8Array): Uint8Array {
  return concat(headerHash, salt, keyCommitment);
}

/** HPKE info of the wrap for recipient `at`: a wrap moved to another place or envelope doesn't open. */
export function wrapInfo(binding: Uint8Array, at: number): Uint8Array {
  return concat(ascii('DTA-ENV1-CEK'), sha256(binding), u32(at));
}
