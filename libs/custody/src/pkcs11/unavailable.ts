import { DtaError } from '@dta/errors';

/** One sentence about a token, which never holds its PIN. */
export function unavailable(token: string, what: string, cause?: unknown): DtaError {
  return new DtaError('custody_unavailable', `the token "${token}" ${what}`, { cause });
}
