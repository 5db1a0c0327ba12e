import { DtaError } from '@dta/errors';
import { linkOf } from './encoder.js';
import { DOCUMENT_LIMITS, type ItemLimits } from './items.js';
import { readScanned } from './read.js';
import { scanCanonical } from './scan.js';

/**
 * Decodes DAG-CBOR, strictly: encoding the result again would give the same bytes. They are gone over once before any of
 * them is read, so that what is refused costs hardly anything and what is read costs no more than its size.
 *
 * @throws `too_large` above `maxBytes`, or beyond `limits`; `non_canonical` for anything that is not the one encoding of its
 * value (other key order, longer integers, trailing bytes), and for what `encodeCanonical` doesn't make
 */
export function decodeCanonical(bytes: Uint8Array, maxBytes: number, limits: ItemLimits = DOCUMENT_LIMITS): unknown {
  if (bytes.length > maxBytes) {
    throw new DtaError('too_large', `${bytes.length} bytes where at most ${maxBytes} are allowed`, {
      metadata: { bytes: bytes.length, maxBytes },
    });
  }
  scanCanonical(bytes, limits);
  return readScanned(bytes);
}

/** Whether an IPLD link (tag 42) is anywhere in `value`, which came from {@link decodeCanonical}. */
export function holdsLink(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false;
  return linkOf(value) !== null || Object.values(value).some(holdsLink);
}
