import { DtaError } from '@dta/errors';

/**
 * A step that took longer, because its process slept, is not written. The key that its secrets were sealed under may have been
 * destroyed meanwhile, ten minutes after its period's end (docs/protocol.md §7), and then no party may hear that they are stored.
 */
const WRITE_MAX_MS = 60_000;

/** When a step, or the sealing of what it writes, began: by two clocks, since each misses a sleep that the other sees. */
export interface Begun {
  /** Unix ms */
  readonly at: number;
  /** by performance.now() */
  readonly monotonic: number;
}

/** @param now Unix ms */
export function begin(now: number): Begun {
  return { at: now, monotonic: performance.now() };
}

/** @throws `write_conflict` where it took more than 60 s until `now` (Unix ms): it is to be computed anew */
export function assertAwake({ at, monotonic }: Begun, now: number): void {
  if (Math.max(now - at, performance.now() - monotonic) > WRITE_MAX_MS)
    throw new DtaError('write_conflict', 'this step slept for too long');
}
