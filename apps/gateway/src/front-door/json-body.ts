import { MIMEType } from 'node:util';
import { HTTP_BODY_MAX_BYTES, HTTP_BODY_TIMEOUT_MS } from '@dta/contracts';
import { DtaError } from '@dta/errors';
import type { NextFunction, Request, Response } from 'express';
import { Refusal } from '../problem.js';
import { hasCome } from '../request-context.js';
import { BodyBytes } from './body-bytes.js';
import { parseJson } from './json-text.js';
import { takesBody } from './known-route.js';
import type { Check } from './middleware.js';
import { bodyOf, hasBody } from './unread-body.js';

/**
 * Refuses a body by what the head says of it. A GET has none, so that nothing of a client without a token is read. Any other
 * must say that it is plain JSON in UTF-8: a form, which any page can send anywhere, says otherwise.
 */
export const takenBody: Check = (request) => {
  if (!hasBody(request)) return;
  if (request.method === 'GET' || request.method === 'HEAD')
    throw new DtaError('request_invalid', `a ${request.method} takes no body`);
  const { essence, params } = typeOf(request.get('Content-Type') ?? '') ?? {};
  if (essence !== 'application/json') throw unsupported('a body must be application/json');
  if (!/^utf-8$/i.test(params?.get('charset') ?? 'utf-8'))
    throw unsupported('a body must be in UTF-8, and say no other charset');
  const encodings = [request.get('Content-Encoding') ?? 'identity', request.get('Transfer-Encoding') ?? 'chunked'];
  if (!/^identity,chunked$/i.test(encodings.join(','))) throw unsupported('a body must not be compressed');
};

function typeOf(contentType: string): MIMEType | undefined {
  try {
    return new MIMEType(contentType);
  } catch {
    return undefined;
  }
}

function unsupported(message: string): Refusal {
  return new Refusal('request_invalid', message, { status: 415, headers: { 'Accept-Post': 'application/json' } });
}

/**
 * Reads a request's body and parses it into `request.body`; undefined where there is none, or no route that takes one. One that
 * is too long is refused as soon as that is known, and one that doesn't come within its time is waited for no longer: what is
 * left of it is never read into memory. The time for the answer runs from its end. Why it isn't a library's: docs/adr/0017.
 */
export function readJson(request: Request, response: Response, next: NextFunction): void {
  read(request, response).then(
    (bytes) => {
      hasCome(request);
      try {
        request.body = bytes.length === 0 ? undefined : parseJson(bytes);
      } catch (error) {
        next(error);
        return;
      }
      next();
    },
    (error: unknown) => next(error),
  );
}

/** As Node sees it (`checkContinue`): other expectations alone it answers with 417. */
const waitsToBeAsked = /(?:^|\W)100-continue(?:$|\W)/i;

async function read(request: Request, response: Response): Promise<Uint8Array> {
  if (!hasBody(request) || !takesBody(request)) return new Uint8Array();
  if (bodyOf(request).length > HTTP_BODY_MAX_BYTES) throw tooLarge();
  if (waitsToBeAsked.test(request.get('Expect') ?? '')) response.writeContinue();
  const body = new BodyBytes(HTTP_BODY_MAX_BYTES);
  let stop = () => {};
  try {
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(tooLate()), HTTP_BODY_TIMEOUT_MS);
      const take = (chunk: Buffer) => {
        if (!body.add(chunk)) reject(tooLarge());
      };
      const gone = () => reject(new DtaError('request_invalid', 'the client went away'));
      request.on('data', take).on('end', resolve).on('close', gone);
      stop = () => {
        clearTimeout(late);
        request.off('data', take).off('end', resolve).off('close', gone);
      };
    });
  } finally {
    stop();
  }
  return body.bytes;
}

function tooLarge(): DtaError {
  return new DtaError('too_large', `the body is above the limit of ${HTTP_BODY_MAX_BYTES / 1024} KiB`);
}

function tooLate(): Refusal {
  return new Refusal('request_invalid', `the body did not come within ${HTTP_BODY_TIMEOUT_MS / 1000} s`, {
    status: 408,
  });
}
