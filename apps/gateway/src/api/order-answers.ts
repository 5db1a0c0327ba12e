import type { Cid, OrderProgress, OrderView } from '@dta/contracts';
import { DtaError, isErrorCode } from '@dta/errors';
import { Refusal } from '../problem.js';
import type { Answer } from './route.js';

/** Who is waited for, by its role, and how the last attempt ended. */
export type Waiting = ({ fiduciary: Cid } | { beneficiary: Cid } | { principal: Cid }) & LastAttempt;

interface LastAttempt {
  readonly lastError: string | null;
  readonly detail: string | null;
}

/** Whoever the order waits for. */
export function waitingFor({ waitingFor: parties }: OrderProgress): Waiting[] {
  return parties.map(({ party, role, lastError, detail }) => {
    if (role === 'fiduciary') return { fiduciary: party, lastError, detail };
    return role === 'beneficiary' ? { beneficiary: party, lastError, detail } : { principal: party, lastError, detail };
  });
}

/** Who still owed an answer when the order failed. */
export function owing({ failure, beneficiary }: OrderProgress): Waiting[] {
  return (failure?.owing ?? []).map(({ party, ...last }) =>
    party === beneficiary ? { beneficiary: party, ...last } : { fiduciary: party, ...last },
  );
}

/** An order that failed: which and why. */
export function failed(view: OrderProgress): Refusal {
  const parties = owing(view);
  const why = ({ lastError, detail }: Waiting) => [lastError, detail].filter((part) => part !== null).join(': ');
  const named = parties.map((one) => `${Object.values(one)[0]}${one.lastError === null ? '' : ` (${why(one)})`}`);
  const reason = view.failure?.reason ?? 'unknown';
  const message = `the order failed: ${reason}${named.length > 0 ? `; no good answer from ${named.join(', ')}` : ''}`;
  return new Refusal('fiduciaries_insufficient', message, {
    members: { orderReference: view.orderReference, waitingFor: parties },
  });
}

/** An order whose state rules out what was asked. */
export function ended(view: OrderProgress): Refusal {
  return new Refusal('order_state_conflict', `the order is ${view.state}`, {
    members: { orderReference: view.orderReference },
  });
}

/** An order that is committed, whose plugin made no answer. */
export function withoutAnswer({ orderReference, pluginError }: OrderProgress): Refusal {
  const code = isErrorCode(pluginError) ? pluginError : 'internal';
  const message =
    'the order is committed, but its plugin made no answer; ' +
    'the same request with the same Idempotency-Key, or a redemption, has it try again';
  return new Refusal(code, message, { members: { orderReference } });
}

/** The order's Y. @throws DtaError `internal` where a role says committed and has none */
export function commitmentOf({ commitment }: OrderProgress): Uint8Array {
  if (commitment === null) throw new DtaError('internal', 'a committed order without commitment');
  return commitment;
}

/** As the original has it: only where the plugin has something to say. */
export function extensionOf({ extension }: Pick<OrderProgress, 'extension'>): { extension?: Record<string, unknown> } {
  return Object.keys(extension).length === 0 ? {} : { extension };
}

/** The order in full. */
export function orderDetail(view: OrderView): Answer<'getOrder'>['body'] {
  const { orderReference, failure } = view;
  return {
    orderCID: orderReference,
    order: orderRecord(view),
    ...view,
    waitingFor: waitingFor(view),
    failure: failure === null ? null : { reason: failure.reason, waitingFor: owing(view) },
  };
}

/**
 * The order's record as JSON text, as the original gives it. Its clients look for `Secret` in the type of an order that
 * safeguards one.
 */
function orderRecord(view: OrderView): string {
  return JSON.stringify({
    Type: 'Safeguard_Secret',
    OrderReference: view.orderReference,
    Plugin: view.plugin,
    BeneficiaryCID: view.beneficiary,
    Threshold: view.threshold,
    Fiduciaries: view.fiduciaries.map(({ idDocumentCID }) => idDocumentCID),
    Timestamp: Math.floor(view.createdAt / 1000),
    Extension: view.extension,
  });
}
