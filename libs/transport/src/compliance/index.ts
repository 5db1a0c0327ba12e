import type { Transport } from '../transport.js';
import { answeringCases } from './answering-cases.js';
import { deliveryCases } from './delivery-cases.js';
import { loadCases } from './load-cases.js';
import { openTracked, type OpenTransport } from './rig.js';

export type { OpenTransport, OpenOptions } from './rig.js';

/** One promise of the {@link Transport} port, checked. */
export interface ComplianceCase {
  readonly name: string;
  /** Rejects with an `AssertionError` where the promise isn't kept. Closes every connection it opened. */
  run(open: OpenTransport): Promise<void>;
}

/**
 * What every adapter of {@link Transport} keeps. `open` gives one more connection to the same broker; its `maxPayload` must
 * be at least 1 MiB + 64 KiB. Cases use subjects of their own and may share a broker, one after the other.
 *
 * @example
 * for (const { name, run } of transportCompliance) test(name, () => run(open));
 */
export const transportCompliance: readonly ComplianceCase[] = [...deliveryCases, ...answeringCases, ...loadCases].map(
  ({ name, check }) => ({
    name,
    async run(open) {
      const tracked = openTracked(open);
      try {
        await check(tracked.open);
      } finally {
        await tracked.closeAll();
      }
    },
  }),
);
