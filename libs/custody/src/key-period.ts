import type { KeyName } from './custody.js';

const WEEK_MS = 7 * 24 * 60 * 60 * 1000;

/** Number of the key period that `now` (Unix milliseconds) is in: they are `lengthMs` long and start at 0. */
export function keyPeriod(now: number, lengthMs = WEEK_MS): number {
  return Math.floor(now / lengthMs);
}

/**
 * Name of the key that seals the secrets of key period `n`; destroying it erases them (docs/protocol.md §7).
 *
 * @throws RangeError unless `n` is a non-negative integer
 */
export function periodKey(n: number): KeyName {
  if (!Number.isSafeInteger(n) || n < 0) throw new RangeError('not a key period');
  return `period-${n}`;
}
