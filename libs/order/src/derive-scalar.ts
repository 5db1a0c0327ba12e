import { hkdf, scalarFromWide, scalarToBytes, wipe, WIDE_SCALAR_BYTES, type Group } from '@dta/crypto';

/** OS2IP(HKDF(seed, info, 48)) mod q of `group`, as 32 bytes (docs/protocol.md §6); the wide bytes say the same, and are wiped. */
export function deriveScalar(group: Group, seed: Uint8Array, info: Uint8Array): Uint8Array {
  const wide = hkdf(seed, info, WIDE_SCALAR_BYTES);
  try {
    return scalarToBytes(group, scalarFromWide(group, wide));
  } finally {
    wipe(wide);
  }
}
