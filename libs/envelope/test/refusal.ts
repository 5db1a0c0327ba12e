import { expect } from '@jest/globals';
import type { ErrorCode } from '@dta/errors';

/** Matches a refusal with this code, as in `expect(() => …).toThrow(refusal('envelope_invalid'))`. */
export function refusal(code: ErrorCode, message = /./): Error {
  const expected: unknown = expect.objectContaining({
    name: 'DtaError',
    code,
    message: expect.stringMatching(message),
  });
  return expected as Error; // toThrow takes any matcher, its types don't
}
