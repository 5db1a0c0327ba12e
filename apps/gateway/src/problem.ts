import { Catch, HttpException, NotFoundException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { statusOf, type Problem } from '@dta/contracts/rest';
import { DtaError, type ErrorCode } from '@dta/errors';
import type { Logger } from '@dta/service';
import type { Request, Response } from 'express';
import { answerUnread, endFor, isLeftUnread } from './front-door/unread-body.js';
import { contextOf } from './request-context.js';

/** Members of a problem that an error's metadata, being flat, has no form for. */
type ProblemMembers = Pick<Problem, 'errors' | 'orderReference' | 'waitingFor'>;

/** A refusal that HTTP has more to say about than its code. */
export class Refusal extends DtaError {
  readonly members: ProblemMembers;
  /** Instead of the code's own status. */
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { members?: ProblemMembers; status?: number; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(code, message, { cause: options.cause });
    this.members = options.members ?? {};
    this.status = options.status;
    this.headers = options.headers ?? {};
  }
}

/** A problem document with its headers, ready to be sent (RFC 9457). */
export interface ProblemAnswer {
  readonly body: Problem;
  readonly headers: Readonly<Record<string, string>>;
}

/** When to try again, in seconds, where the error doesn't say; after one second where it isn't here and the status is 503. */
const retryAfterSeconds: Partial<Record<ErrorCode, number>> = {
  custody_unavailable: 5,
  fiduciaries_insufficient: 5,
  shares_insufficient: 5,
  redemption_limit: 3600,
};

/** The problem document of an error. Of one that is `internal` it says nothing. */
export function problemOf(error: DtaError, requestId: string): ProblemAnswer {
  const { code, metadata } = error;
  const refusal = error instanceof Refusal ? error : undefined;
  const status = refusal?.status ?? statusOf[code];
  const faults = faultsOf(metadata['faults']);
  const retryMs = metadata['retryAfterMs'];
  const usual = retryAfterSeconds[code] ?? (status === 503 ? 1 : undefined);
  const retry = typeof retryMs === 'number' ? Math.ceil(retryMs / 1000) : usual;
  return {
    body: {
      type: `urn:dta:problem:${code}`,
      title: code.replaceAll('_', ' '),
      status,
      detail:
        status === 500 ? 'the request failed unexpectedly; the log has the reason under this requestId' : error.message,
      code,
      requestId,
      ...(faults.length > 0 && { errors: faults }),
      ...refusal?.members,
    },
    headers: {
      ...(retry !== undefined && { 'Retry-After': String(Math.max(retry, 1)) }),
      ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }),
      ...refusal?.headers,
    },
  };
}

/** The faults that a role found in a call's parameters, each as `path: message`. */
function faultsOf(faults: unknown): { path: string; message: string }[] {
  if (!Array.isArray(faults)) return [];
  return faults.map((fault) => {
    const [path = '', ...message] = String(fault).split(': ');
    return { path: path.replace(/^params\./, ''), message: message.join(': ') };
  });
}

/** Answers every error that anything behind the front door throws. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  catch(exception: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    sendProblem(http.getRequest<Request>(), http.getResponse<Response>(), exception, this.#logger);
  }
}

/** Writes the problem document of whatever was thrown; what isn't a refusal goes to the log. */
export function sendProblem(request: Request, response: Response, thrown: unknown, logger: Logger): void {
  const { requestId } = contextOf(request);
  const error = toError(thrown);
  if (statusOf[error.code] === 500) logger.error({ requestId, err: thrown }, 'a request failed');
  if (response.headersSent) return void response.destroy();
  const { body, headers } = problemOf(error, requestId);
  response.locals['code'] = error.code;
  const text = JSON.stringify(body);
  response.status(body.status).set({ ...headers, 'Content-Type': 'application/problem+json; charset=utf-8' });
  endFor(request, response);
  if (isLeftUnread(request, response)) answerUnread(request, response, text);
  else response.send(text);
}

/** What a response was answered with: `ok`, or the code of its problem. */
export function codeOf({ locals }: Response): string {
  const code: unknown = locals['code'];
  return typeof code === 'string' ? code : 'ok';
}

function toError(thrown: unknown): DtaError {
  if (thrown instanceof DtaError) return thrown;
  if (thrown instanceof NotFoundException) return new DtaError('not_found', 'there is nothing at this path');
  const isMalformed = thrown instanceof HttpException && thrown.getStatus() === 400;
  if (isMalformed || thrown instanceof URIError)
    return new DtaError('request_invalid', 'the path is not a well-formed URL');
  return new DtaError('internal', 'unexpected error', { cause: thrown });
}
