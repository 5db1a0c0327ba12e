import { HTTP_BEYOND_WAIT_MS } from '@dta/contracts';
import { DtaError } from '@dta/errors';
import type { MessageContext } from '@dta/transport';

/** What a caller's time must still hold when something is stored for it: the write, the reply, and the gateway's answer. */
const STORE_AND_ANSWER_MS = 1_000;

/**
 * Right before a step is stored whose caller waits for `waitMs`: once stored, its answer must reach the caller, who has no
 * other way to the order's reference.
 *
 * @throws `busy` where the call has been here for too long
 */
export function assertInTime(context: MessageContext, waitMs: number): void {
  if (context.ageMs() <= waitMs + HTTP_BEYOND_WAIT_MS - STORE_AND_ANSWER_MS) return;
  throw new DtaError('busy', 'the principal did not come to it in time', { metadata: { retryAfterMs: 1_000 } });
}
