import { DtaError } from '@dta/errors';

/** How far ahead of our clock a `createdAt` may be, in ms (docs/protocol.md §2). */
export const CLOCK_SKEW_MS = 120_000;

/** @throws `time_ahead` for a document dated more than 120 s ahead of `now`; age is never refused */
export function assertNotAhead(createdAt: number, now: number): void {
  if (createdAt > now + CLOCK_SKEW_MS) {
    throw new DtaError('time_ahead', 'a document is dated more than 120 s ahead', { metadata: { createdAt, now } });
  }
}
