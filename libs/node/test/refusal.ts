import { expect } from '@jest/globals';
import type { ErrorCode } from '@dta/errors';

/** Matches a refusal with this code and these words, as in `await expect(…).rejects.toThrow(refusal('write_conflict'))`. */
export function refusal(code: ErrorCode, words = ''): Error {
  const expected: unknown = expect.objectContaining({
    name: 'DtaError',
    code,
    message: expect.stringContaining(words),
  });
  return expected as Error; // toThrow takes any matcher, its types don't
}
