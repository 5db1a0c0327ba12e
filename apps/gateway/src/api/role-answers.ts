import type { InternalCall, ResultOf } from '@dta/contracts';
import { DtaError, isDtaError, toDtaError, type ErrorCode } from '@dta/errors';
import { problemOf } from '../problem.js';
import type { RoleAnswer } from '../role-calls.js';

/** How one role answered, as the REST API shows it. */
export interface RoleOutcome {
  readonly role: RoleAnswer<InternalCall>['link']['role'];
  readonly nodeCID: RoleAnswer<InternalCall>['link']['node'];
  readonly code: 'ok' | ErrorCode;
  readonly detail: string | null;
}

/** What those answered that did, and how each did. */
export interface Gathered<V extends InternalCall> {
  /** one at least */
  readonly results: readonly [ResultOf<V>, ...ResultOf<V>[]];
  /** 207 where one of them gave no answer (docs/adr/0018) */
  readonly status: 200 | 207;
  readonly outcomes: RoleOutcome[];
}

/**
 * The answers of several roles: one that is away takes nothing from what the others say and do.
 *
 * @param isAnswer whether a refusal is an answer too, as `identity_not_found` is to the question whom a role knows
 * @throws DtaError where no role has a result: a role's refusal before another's silence, which one may try again
 */
export function gathered<V extends InternalCall>(
  answers: readonly RoleAnswer<V>[],
  isAnswer: (refusal: unknown) => boolean = () => false,
): Gathered<V> {
  const results = answers.flatMap(({ outcome }) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const reasons = answers.flatMap(({ outcome }) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : [])); // typed any
  const missing = reasons.filter((reason) => !isAnswer(reason));
  const [first, ...more] = results;
  if (first === undefined) throw missing.find((reason) => !isSilence(reason)) ?? missing[0] ?? reasons[0] ?? noRole();
  return { results: [first, ...more], status: missing.length === 0 ? 200 : 207, outcomes: answers.map(outcomeOf) };
}

function noRole(): DtaError {
  return new DtaError('service_unavailable', 'there is no such role behind this gateway');
}

function isSilence(reason: unknown): boolean {
  return isDtaError(reason, 'service_unavailable', 'clock_skewed', 'timeout', 'busy');
}

function outcomeOf<V extends InternalCall>({ link: { role, node }, outcome }: RoleAnswer<V>): RoleOutcome {
  const where = { role, nodeCID: node };
  if (outcome.status === 'fulfilled') return { ...where, code: 'ok', detail: null };
  const { code, detail } = problemOf(toDtaError(outcome.reason), '').body; // which says nothing of what is internal
  return { ...where, code, detail };
}
