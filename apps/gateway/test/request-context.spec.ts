import { expect, it } from '@jest/globals';
import { HTTP_BEYOND_WAIT_MS } from '@dta/contracts';
import { ownContext, waitLeftMs, withWait, type RequestContext } from '../src/request-context.js';

/** Of a request that waits `wait` seconds, and had all come `agoMs` ago. */
const cameAgo = (wait: number, agoMs: number): RequestContext =>
  withWait(ownContext('test', HTTP_BEYOND_WAIT_MS - agoMs), wait);

it('gives a role what is left of a wait, since the role counts it anew', () => {
  const left = waitLeftMs(cameAgo(10, 4_000));
  expect(left).toBeLessThanOrEqual(6_000);
  expect(left).toBeGreaterThan(5_000);
  expect(Number.isInteger(left)).toBe(true);
});

it('begins nothing that could not be answered in time: what is stored must have its reference in the answer', () => {
  expect(waitLeftMs(cameAgo(0, 0))).toBe(0);
  for (const wait of [0, 1]) expect(() => waitLeftMs(cameAgo(wait, 2_000))).toThrow('did not come to it in time');
});
