import { DtaError } from '@dta/errors';

/** The parts in one new array. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Whether two public byte strings are the same. Not for secrets: the time it takes tells where they differ. */
export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false; // `every` is eight times slower
  return true;
}

/** An ASCII tag as bytes, without terminator (docs/protocol.md §2). */
export function ascii(tag: string): Uint8Array {
  return new Uint8Array(Buffer.from(tag, 'latin1')); // Uint8Array.from with a function is ten times slower
}

/** `value` as four bytes, big-endian. @throws RangeError where it does not fit. */
export function u32(value: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) throw new RangeError('not a u32');
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** `value` as eight bytes, big-endian. @throws RangeError where it is no safe non-negative integer. */
export function u64(value: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError('not a u64');
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

/** LP(x) = u32(length) ‖ x (docs/protocol.md §2). */
export function lengthPrefixed(bytes: Uint8Array): Uint8Array {
  return concat(u32(bytes.length), bytes);
}

/** The same bytes, not a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Lower-case hex. */
export function toHex(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('hex');
}

/** Bytes of lower-case hex. @throws `document_invalid` for an odd length, upper case or anything else. */
export function fromHex(hex: string): Uint8Array {
  if (hex.length % 2 !== 0 || !/^[0-9a-f]*$/.test(hex)) throw new DtaError('document_invalid', 'not lower-case hex');
  return new Uint8Array(Buffer.from(hex, 'hex'));
}
