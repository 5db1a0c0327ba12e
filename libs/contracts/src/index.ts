export { cidText } from './cid-text.js';
export { internalCalls, verbOf, type InternalCall, type ParamsOf, type ResultOf } from './internal/calls.js';
export { type IdentitySummary } from './internal/identity-view.js';
export {
  orderStateSchema,
  type OrderEvent,
  type OrderState,
  type OrderSummary,
  type OrderView,
  type Rules,
} from './internal/order-view.js';
export { callBodySchema, callReplySchema, type CallBody, type CallError, type CallReply } from './internal/wire.js';
export {
  WAIT_MAX_SECONDS,
  HTTP_BEYOND_WAIT_MS,
  HTTP_BODY_MAX_BYTES,
  JSON_MAX_DEPTH,
  JSON_MAX_VALUES,
  INTERNAL_CALL_TIMEOUT_MS,
  AWAIT_BEYOND_WAIT_MS,
  INTERNAL_CALL_MAX_BYTES,
  INTERNAL_CALL_CLOCK_MS,
  STATUS_TIMEOUT_MS,
  PEER_CALL_TIMEOUT_MS,
  BUNDLE_MAX_BYTES,
  NATS_MAX_PAYLOAD_BYTES,
  SQL_STATEMENT_TIMEOUT_MS,
  SQL_LOCK_TIMEOUT_MS,
  DOCUMENT_STORE_TIMEOUT_MS,
  IDENTITY_SEARCH_MS,
  DRAIN_MS,
  MESSAGES_IN_WORK_MAX,
  MESSAGES_QUEUED_MAX,
  WAITERS_MAX,
  EVENT_STREAMS_MAX,
  EVENTS_PER_CALL_MAX,
  EVENT_HEARTBEAT_MS,
  ORDERS_DRIVEN_MAX,
  IDENTITIES_CACHED_MAX,
  IDENTITIES_CACHED_MAX_BYTES,
  STATEMENTS_CACHED_MAX,
  STATEMENTS_CACHED_MAX_BYTES,
  TOKEN_MAX_CHARS,
  LEASE_MS,
  PUBLISHER_LEASE_MS,
  BACKOFF_MIN_MS,
  BACKOFF_MAX_MS,
  BACKOFF_UNAWAITED_MAX_MS,
} from './limits.js';
export { type Role } from './role.js';
export { internalSubject, peerSubject, queueGroup } from './subjects.js';
export type { Cid } from '@dta/codec';
