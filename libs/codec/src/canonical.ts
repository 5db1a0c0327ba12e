import * as dagCbor from '@ipld/dag-cbor';
import { DtaError } from '@dta/errors';
import { bytesEqual } from './bytes.js';

/** The one DAG-CBOR encoding of `value`. Floats, `undefined` and what CBOR has no form for are refused by the encoder. */
export function encodeCanonical(value: unknown): Uint8Array {
  return dagCbor.encode(value);
}

/**
 * Decodes DAG-CBOR, strictly: encoding the result again must give the same bytes.
 *
 * @throws `too_large` above `maxBytes`; `non_canonical` for anything that is not the one encoding of its value: other
 * key order, longer integers, floats, trailing bytes, nesting beyond the decoder's stack.
 */
export function decodeCanonical(bytes: Uint8Array, maxBytes: number): unknown {
  if (bytes.length > maxBytes) {
    throw new DtaError('too_large', `${bytes.length} bytes where at most ${maxBytes} are allowed`, {
      metadata: { bytes: bytes.length, maxBytes },
    });
  }
  let value: unknown;
  let again: Uint8Array;
  try {
    value = dagCbor.decode(bytes);
    again = dagCbor.encode(value);
  } catch (cause) {
    throw new DtaError('non_canonical', 'bytes are not DAG-CBOR', { cause });
  }
  if (!bytesEqual(bytes, again)) throw new DtaError('non_canonical', 'bytes are not the canonical DAG-CBOR of their value');
  return value;
}
