import { expect, it } from '@jest/globals';
import { problemSchema, statusOf } from '@dta/contracts/rest';
import { DtaError, errorCodes } from '@dta/errors';
import { problemOf } from '../src/problem.js';

it.each(errorCodes)('%s has a status and a problem document', (code) => {
  const { body, headers } = problemOf(new DtaError(code, 'the sentence'), 'request-1');
  expect(problemSchema.parse(body)).toEqual(body);
  expect(body.status).toBe(statusOf[code]);
  expect(body.status).toBeGreaterThanOrEqual(400);
  expect(body.detail === 'the sentence').toBe(body.status !== 500);
  if (body.status === 503) expect(Number(headers['Retry-After'])).toBeGreaterThan(0);
});

it('has no status for what is no code', () => {
  expect(Object.keys(statusOf).sort()).toEqual([...errorCodes].sort());
});

it('takes over when to try again, and the faults that a role found', () => {
  const busy = problemOf(new DtaError('busy', 'x', { metadata: { retryAfterMs: 2_500 } }), 'r');
  expect(busy.headers).toEqual({ 'Retry-After': '3' });
  const faults = ['params.threshold: too big: by 3'];
  const { body } = problemOf(new DtaError('request_invalid', 'x', { metadata: { faults } }), 'r');
  expect(body.errors).toEqual([{ path: 'threshold', message: 'too big: by 3' }]);
});
