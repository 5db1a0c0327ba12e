import type { InternalCall, ResultOf } from '@dta/contracts';
import { isDtaError } from '@dta/errors';
import type { RoleAnswer } from '../role-calls.js';

/** The results of all. @throws DtaError a role's refusal before another's silence, which one may try again */
export function allOf<V extends InternalCall>(answers: readonly RoleAnswer<V>[]): ResultOf<V>[] {
  const reasons = answers.flatMap(({ outcome }) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : [])); // typed any
  const silent = (reason: unknown) => isDtaError(reason, 'service_unavailable', 'timeout', 'busy');
  if (reasons.length > 0) throw reasons.find((reason) => !silent(reason)) ?? reasons[0];
  return answers.flatMap(({ outcome }) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}
