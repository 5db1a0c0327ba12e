import { JSON_MAX_DEPTH, JSON_MAX_VALUES } from '@dta/contracts';
import { DtaError } from '@dta/errors';
import { Refusal } from '../problem.js';
import type { Check } from './middleware.js';

/** A body must say that it is JSON: a form, which any page can send anywhere, says otherwise. */
export const jsonOnly: Check = (request) => {
  const hasBody = request.get('Transfer-Encoding') !== undefined || Number(request.get('Content-Length') ?? 0) > 0;
  if (hasBody && !request.is('application/json')) {
    throw new Refusal('request_invalid', 'a body must be application/json', {
      status: 415,
      headers: { 'Accept-Post': 'application/json' },
    });
  }
};

/** An empty body is no JSON; the parser would take it for an empty object. */
export function notEmpty(_request: unknown, _response: unknown, body: Uint8Array): void {
  if (body.length === 0) throw new DtaError('request_invalid', 'the body is empty');
}

/** Refuses a body that is nested deeper or holds more values than any request needs, before a schema walks it. */
export const jsonLimits: Check = (request) => {
  let level: unknown[] = [request.body];
  let values = 0;
  for (let depth = 0; level.length > 0; depth += 1) {
    values += level.length;
    if (values > JSON_MAX_VALUES) throw tooMuch(`more than ${JSON_MAX_VALUES} values`);
    if (depth > JSON_MAX_DEPTH) throw tooMuch(`nested more than ${JSON_MAX_DEPTH} deep`);
    level = level.flatMap(children);
  }
};

function children(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Object.hasOwn(value, '__proto__')) throw new DtaError('request_invalid', 'no field may be called __proto__');
  return Object.values(value);
}

function tooMuch(what: string): DtaError {
  return new DtaError('request_invalid', `the body holds ${what}`);
}
