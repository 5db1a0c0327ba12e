import type { components } from './openapi.js';

/** A problem document of a gateway (RFC 9457). */
export type Problem = components['schemas']['Problem'];

/** Stable codes to branch on, as docs/api.md lists them; `unknown` where what answered is no gateway's problem. */
export type ProblemCode = Problem['code'] | 'unknown';

/** A request that was answered by anything but success. A request that nobody answered fails as `fetch` does. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  /** of HTTP */
  readonly status: number;
  readonly code: ProblemCode;
  /** The whole problem document; null where there was none. */
  readonly problem: Problem | null;
  /** Seconds to wait before trying again, where the answer said so. */
  readonly retryAfter: number | null;

  constructor(status: number, problem: Problem | null, retryAfter: number | null) {
    super(problem === null ? `what answered, with status ${status}, is no D-TA` : problem.detail);
    this.status = status;
    this.code = problem?.code ?? 'unknown';
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

/** The error of an answer that isn't a success; reads its body. */
export async function problemErrorOf(response: Response): Promise<ProblemError> {
  const isProblem = /^application\/problem\+json\b/.test(response.headers.get('content-type') ?? '');
  const body: unknown = isProblem ? await response.json().catch(() => null) : null;
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return new ProblemError(response.status, isProblemBody(body) ? body : null, Number.isNaN(seconds) ? null : seconds);
}

function isProblemBody(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'code' in body && 'detail' in body;
}
