import { DtaError } from '@dta/errors';
import { returnValue } from './cryptoki.js';

/** One sentence about a token, which never holds its PIN; metadata has the return value of Cryptoki as `ckr`. */
export function unavailable(token: string, what: string, cause?: unknown): DtaError {
  const ckr = returnValue(cause);
  return new DtaError('custody_unavailable', `the token "${token}" ${what}`, {
    cause,
    ...(ckr !== undefined && { metadata: { ckr } }),
  });
}
