import { randomUUID } from 'node:crypto';
import { HTTP_BEYOND_WAIT_MS } from '@dta/contracts';
import type { Request } from 'express';

/** What is known of an HTTP request beside its path and body. */
export interface RequestContext {
  readonly requestId: string;
  /** W3C Trace Context, handed on as it came. */
  readonly traceparent: string | null;
  /** The bearer token, for the roles to check as well; `null` in the standalone node. */
  readonly token: string | null;
  readonly idempotencyKey: string | null;
  /** When it must be answered, by performance.now(). */
  readonly deadline: number;
  /** By performance.now(), ms. */
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

/** The context of a request that may take `waitSeconds` longer. */
export function withWait(context: RequestContext, waitSeconds: number): RequestContext {
  return { ...context, deadline: context.startedAt + waitSeconds * 1000 + HTTP_BEYOND_WAIT_MS };
}

function matching(text: string | undefined, pattern: RegExp): string | null {
  return text !== undefined && pattern.test(text) ? text : null;
}
