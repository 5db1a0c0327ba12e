import { DtaError, type ErrorCode } from '@dta/errors';

/** Refuses `bytes` with `code` unless it is a Uint8Array of `length` bytes. The message never holds the bytes. */
export function expectLength(bytes: Uint8Array, length: number, code: ErrorCode, what: string): void {
  if (!(bytes instanceof Uint8Array) || bytes.length !== length)
    throw new DtaError(code, `${what} must be ${length} bytes`, { metadata: { expected: length } });
}
