import { hkdf, scalarFromWide, scalarToBytes, wipe, WIDE_SCALAR_BYTES } from '@dta/crypto';

/** OS2IP(HKDF(seed, info, 48)) mod q, as 32 bytes (docs/protocol.md §6); the wide bytes say the same, and are wiped. */
export function deriveScalar(seed: Uint8Array, info: Uint8Array): Uint8Array {
  const wide = hkdf(seed, info, WIDE_SCALAR_BYTES);
  try {
    return scalarToBytes(scalarFromWide(wide));
  } finally {
    wipe(wide);
  }
}
