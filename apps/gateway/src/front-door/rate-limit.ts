import { Refusal } from '../problem.js';
import { clientOf } from './client-address.js';
import type { Check } from './middleware.js';

const windowMs = 60_000;

/**
 * At most `perMinute` requests of one client address in a minute, and `RateLimit-*` on every answer. Counts whatever comes,
 * before it is read: also what has no token, no route or no end. One count for all windows that begin together, so memory
 * holds one minute's addresses and a request costs one look-up.
 */
export function rateLimit(perMinute: number, clock: () => number = () => performance.now()): Check {
  const counts = new Map<string, number>();
  let windowEnd = 0;
  return (request, response) => {
    const now = clock();
    if (now >= windowEnd) {
      counts.clear();
      windowEnd = now + windowMs;
    }
    const client = clientOf(request);
    const count = (counts.get(client) ?? 0) + 1;
    counts.set(client, count);
    const secondsLeft = Math.max(1, Math.ceil((windowEnd - now) / 1000));
    response.set({
      'RateLimit-Limit': String(perMinute),
      'RateLimit-Remaining': String(Math.max(0, perMinute - count)),
      'RateLimit-Reset': String(secondsLeft),
    });
    if (count > perMinute) {
      throw new Refusal('rate_limited', `more than ${perMinute} requests in a minute`, {
        headers: { 'Retry-After': String(secondsLeft) },
      });
    }
  };
}
