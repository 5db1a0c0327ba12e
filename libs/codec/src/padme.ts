import { DtaError } from '@dta/errors';
import { u32 } from './bytes.js';

const SMALLEST = 256;
const LENGTH_BYTES = 4;

/**
 * The Padmé length for a message of `length` bytes: at most 12 % longer, and one of O(log log length) per power of two.
 *
 * @see Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", PoPETs 2019, §4
 */
export function padme(length: number): number {
  if (length < 2) return length;
  const exponent = Math.floor(Math.log2(length));
  const mantissaBits = Math.floor(Math.log2(exponent)) + 1;
  const step = 2 ** (exponent - mantissaBits); // at most 1 for short ones, which stay as they are
  return Math.ceil(length / step) * step;
}

/** pad(m) = u32(len m) ‖ m ‖ zeros, up to max(256, Padmé(4 + len m)) bytes (docs/protocol.md §3). */
export function padToPadme(message: Uint8Array): Uint8Array {
  const padded = new Uint8Array(Math.max(SMALLEST, padme(LENGTH_BYTES + message.length)));
  padded.set(u32(message.length));
  padded.set(message, LENGTH_BYTES);
  return padded;
}

/** The message in `padded`. @throws `envelope_invalid` for any filling or length that {@link padToPadme} doesn't make. */
export function unpadPadme(padded: Uint8Array): Uint8Array {
  const refuse = () => new DtaError('envelope_invalid', 'padding is not the one of the protocol');
  if (padded.length < SMALLEST) throw refuse();
  const length = new DataView(padded.buffer, padded.byteOffset, LENGTH_BYTES).getUint32(0);
  const end = LENGTH_BYTES + length;
  if (padded.length !== Math.max(SMALLEST, padme(end))) throw refuse(); // so `end` is within it
  if (padded.subarray(end).some((byte) => byte !== 0)) throw refuse();
  return padded.slice(LENGTH_BYTES, end);
}
