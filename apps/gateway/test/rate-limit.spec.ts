import { expect, it } from '@jest/globals';
import type { Request, Response } from 'express';
import { rateLimit } from '../src/front-door/rate-limit.js';

it('begins anew after a minute', () => {
  let now = 1_000_000;
  const check = rateLimit(1, () => now);
  const headers: Record<string, string> = {};
  const request = { ip: '10.0.0.1' } as Request; // all that is read of it
  const response = { set: (all: object) => Object.assign(headers, all) } as unknown as Response; // as above
  check(request, response);
  now += 59_999;
  expect(() => check(request, response)).toThrow('more than 1 requests');
  expect(headers).toMatchObject({ 'RateLimit-Reset': '1', 'RateLimit-Remaining': '0' });
  now += 1;
  check(request, response);
});
