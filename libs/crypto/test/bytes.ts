import { expect } from '@jest/globals';
import fc from 'fast-check';
import type { ErrorCode } from '@dta/errors';

/** The bytes of hexadecimal digits, white space left out. */
export function hex(digits: string): Uint8Array {
  return new Uint8Array(Buffer.from(digits.replace(/\s/g, ''), 'hex'));
}

/** Matches a refusal with this code, as in `expect(() => …).toThrow(refusal('key_invalid'))`. */
export function refusal(code: ErrorCode): Error {
  // toThrow takes any matcher, its types don't
  return expect.objectContaining({ name: 'DtaError', code }) as unknown as Error;
}

/** A copy with one bit of byte `position` (from the end when negative) turned over. */
export function flipped(bytes: Uint8Array, position: number): Uint8Array {
  const copy = bytes.slice();
  const at = position < 0 ? copy.length + position : position;
  copy.set([(copy[at] ?? 0) ^ 1], at);
  return copy;
}

/** Any bytes, of one length where it is given. */
export function anyBytes(length?: number): fc.Arbitrary<Uint8Array> {
  return length === undefined
    ? fc.uint8Array({ maxLength: 300 })
    : fc.uint8Array({ minLength: length, maxLength: length });
}

/** A scalar [32] other than 0 and below the group order of secp256k1. */
export function anyScalar(): fc.Arbitrary<Uint8Array> {
  return anyBytes(32).map((bytes) => {
    const scalar = bytes.slice();
    scalar.set([(bytes[0] ?? 0) & 0x7f, 1]);
    return scalar;
  });
}
