import { HTTP_BODY_MAX_BYTES } from '@dta/contracts';
import type { NextFunction, Request, Response } from 'express';
import type { Socket } from 'node:net';

/** How long what a client goes on sending is thrown away, so that the answer isn't lost with its connection. */
const LINGER_MS = 1_000;

const closing = new WeakSet<Socket>();

/** Reads no request that follows on a connection whose last answer was given (RFC 9112, section 9.6). */
export function nothingAfterTheLast(request: Request, _response: Response, next: NextFunction): void {
  if (!closing.has(request.socket)) next();
}

/** What a request's head says of its body. `length` is in bytes, 0 where there is none or it isn't known. */
export function bodyOf(request: Request): { isChunked: boolean; length: number } {
  return {
    isChunked: request.get('Transfer-Encoding') !== undefined,
    length: Number(request.get('Content-Length') ?? 0), // Node takes digits only
  };
}

/** Whether a request sends a body. */
export function hasBody(request: Request): boolean {
  const { isChunked, length } = bodyOf(request);
  return isChunked || length > 0;
}

/** Refusals of the client rather than of its request: a connection that it kept would cost it nothing. */
const ending: ReadonlySet<number> = new Set([401, 403, 408, 429]);

/** Has the connection closed after a refusal of its client: nothing that follows on it is read. */
export function endFor(request: Request, response: Response): void {
  if (!ending.has(response.statusCode)) return;
  response.set('Connection', 'close');
  closing.add(request.socket);
}

/** Whether more of the request's body may come than is worth waiting for to keep the connection. */
export function isLeftUnread(request: Request, response: Response): boolean {
  if (request.complete || !hasBody(request)) return false;
  const { isChunked, length } = bodyOf(request);
  return isChunked || length > HTTP_BODY_MAX_BYTES || ending.has(response.statusCode);
}

/**
 * Answers a request whose body isn't read to its end, and closes the connection. The answer goes at once; the connection goes
 * when the client has sent all or a second has passed: closed with bytes unread it would be reset, and the answer lost with it
 * (RFC 9112, section 9.6).
 */
export function answerUnread(request: Request, response: Response, body: string): void {
  response.set({ Connection: 'close', 'Content-Length': String(Buffer.byteLength(body)) });
  response.write(body);
  response.locals['isSent'] = true;
  closing.add(request.socket);
  const end = () => {
    clearTimeout(limit);
    response.end();
  };
  const limit = setTimeout(end, LINGER_MS);
  response.once('close', () => clearTimeout(limit));
  request.once('end', end);
  request.resume();
}
