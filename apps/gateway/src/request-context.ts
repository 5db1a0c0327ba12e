import { randomUUID } from 'node:crypto';
import { HTTP_BEYOND_WAIT_MS } from '@dta/contracts';
import { DtaError } from '@dta/errors';
import type { Request } from 'express';

/** What is known of an HTTP request beside its path and body. */
export interface RequestContext {
  readonly requestId: string;
  /** W3C Trace Context, handed on as it came. */
  readonly traceparent: string | null;
  /** The bearer token, for the roles to check as well; `null` in the standalone node. */
  readonly token: string | null;
  readonly idempotencyKey: string | null;
  /** When it must be answered, by performance.now(): counted from when all of it had come. */
  readonly deadline: number;
  /** When its head had come, by performance.now(), ms. */
  readonly startedAt: number;
}

const requestIdPattern = /^[A-Za-z0-9_-]{1,64}$/;
const traceparentPattern = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

const contexts = new WeakMap<Request, RequestContext>();

/** The context of a request, made of its headers when first asked for. The token is added once it was checked. */
export function contextOf(request: Request): RequestContext {
  const known = contexts.get(request);
  if (known !== undefined) return known;
  const startedAt = performance.now();
  const context = {
    requestId: matching(request.get('X-Request-Id'), requestIdPattern) ?? randomUUID(),
    traceparent: matching(request.get('traceparent'), traceparentPattern),
    token: null,
    idempotencyKey: request.get('Idempotency-Key') ?? null,
    deadline: startedAt + HTTP_BEYOND_WAIT_MS,
    startedAt,
  };
  contexts.set(request, context);
  return context;
}

/** The context of what the gateway asks by itself, for no request, and for at most `ms`. */
export function ownContext(requestId: string, ms: number): RequestContext {
  const startedAt = performance.now();
  return { requestId, traceparent: null, token: null, idempotencyKey: null, startedAt, deadline: startedAt + ms };
}

/** Remembers the token that a request was let in with. */
export function rememberToken(request: Request, token: string): void {
  contexts.set(request, { ...contextOf(request), token });
}

/** From now on the request's time runs: all of it has come. */
export function hasCome(request: Request): void {
  contexts.set(request, { ...contextOf(request), deadline: performance.now() + HTTP_BEYOND_WAIT_MS });
}

/** The context of a request that may take `waitSeconds` longer. */
export function withWait(context: RequestContext, waitSeconds: number): RequestContext {
  return { ...context, deadline: context.deadline + waitSeconds * 1000 };
}

/** How late a gateway may ask for what it begins; a role that begins it leaves a second for this and the answer's way. */
const LATE_MS = 500;

/**
 * What is left of a request's wait, in whole ms: for a role that begins something and counts the wait from there.
 *
 * @throws DtaError `busy` where this gateway itself let so much of the time pass that what is begun might not be answered
 */
export function waitLeftMs({ deadline }: RequestContext): number {
  const leftMs = Math.floor(deadline - HTTP_BEYOND_WAIT_MS - performance.now());
  if (leftMs >= -LATE_MS) return Math.max(0, leftMs);
  throw new DtaError('busy', 'the gateway did not come to it in time', { metadata: { retryAfterMs: 1_000 } });
}

function matching(text: string | undefined, pattern: RegExp): string | null {
  return text !== undefined && pattern.test(text) ? text : null;
}
