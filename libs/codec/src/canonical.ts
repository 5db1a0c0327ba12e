import * as dagCbor from '@ipld/dag-cbor';
import { DtaError } from '@dta/errors';
import { isEncodingOf, linkOf } from './encoder.js';

/**
 * Decodes DAG-CBOR, strictly: encoding the result again must give the same bytes.
 *
 * @throws `too_large` above `maxBytes`; `non_canonical` for anything that is not the one encoding of its value (other
 * key order, longer integers, trailing bytes), and for what `encodeCanonical` doesn't make
 */
export function decodeCanonical(bytes: Uint8Array, maxBytes: number): unknown {
  if (bytes.length > maxBytes) {
    throw new DtaError('too_large', `${bytes.length} bytes where at most ${maxBytes} are allowed`, {
      metadata: { bytes: bytes.length, maxBytes },
    });
  }
  let value: unknown;
  let canonical: boolean;
  try {
    value = dagCbor.decode(bytes);
    canonical = isEncodingOf(bytes, value);
  } catch (cause) {
    throw new DtaError('non_canonical', 'bytes are not DAG-CBOR', { cause });
  }
  if (!canonical) {
    throw new DtaError('non_canonical', 'bytes are not the canonical DAG-CBOR of their value');
  }
  return value;
}

/** Whether an IPLD link (tag 42) is anywhere in `value`, which came from {@link decodeCanonical}. */
export function holdsLink(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false;
  return linkOf(value) !== null || Object.values(value).some(holdsLink);
}
