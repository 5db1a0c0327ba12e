import { expect } from '@jest/globals';
import type { ErrorCode } from '@dta/errors';

/** Matches a refusal with this code, as in `await expect(…).rejects.toThrow(refusal('write_conflict'))`. */
export function refusal(code: ErrorCode): Error {
  return expect.objectContaining({ name: 'DtaError', code }) as unknown as Error; // toThrow takes any matcher, its types don't
}
