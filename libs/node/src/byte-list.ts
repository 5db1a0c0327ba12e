import { decodeCanonical, encodeCanonical } from '@dta/codec';
import { DtaError } from '@dta/errors';

const MAX_BYTES = 4 * 1024 * 1024;

/** Several byte strings in one column, as a CBOR list; none as null. */
export function toColumn(list: readonly Uint8Array[]): Buffer | null {
  return list.length === 0 ? null : Buffer.from(encodeCanonical(list));
}

/** What {@link toColumn} wrote. @throws `internal` for a column that it didn't write */
export function fromColumn(column: Buffer | null): Uint8Array[] {
  if (column === null) return [];
  const list = decodeCanonical(new Uint8Array(column), MAX_BYTES);
  if (!Array.isArray(list) || !list.every((entry) => entry instanceof Uint8Array)) {
    throw new DtaError('internal', 'a column does not hold a list of bytes');
  }
  return list;
}
