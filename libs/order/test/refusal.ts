import { expect } from '@jest/globals';
import type { ErrorCode, ErrorMetadata } from '@dta/errors';

/**
 * Matches a refusal with this code, and where one code has several reasons with these words or metadata:
 * `await expect(…).rejects.toThrow(refusal('deal_invalid', 'points', { dealer: 2 }))`.
 */
export function refusal(code: ErrorCode, words = '', metadata: ErrorMetadata = {}): Error {
  const expected = {
    name: 'DtaError',
    code,
    message: expect.stringContaining(words) as unknown, // Jest types its matchers as any
    metadata: expect.objectContaining(metadata) as unknown, // as above
  };
  return expect.objectContaining(expected) as unknown as Error; // toThrow takes any matcher, its types don't
}
