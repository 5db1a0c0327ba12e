import { errorCodes, type ErrorCode } from '@dta/errors';
import { z } from 'zod';
import { cidText } from '../cid-text.js';
import { waitingFor } from './order-bodies.js';

/** The HTTP status of each error code (docs/api.md). */
export const statusOf: Readonly<Record<ErrorCode, number>> = {
  too_large: 413,
  non_canonical: 422,
  document_invalid: 422,
  time_ahead: 422,
  key_invalid: 422,
  point_invalid: 422,
  scalar_invalid: 422,
  signature_invalid: 422,
  decryption_failed: 422,
  identity_invalid: 422,
  identity_not_admitted: 403,
  identity_frozen: 409,
  identity_not_found: 404,
  key_file_invalid: 500,
  envelope_invalid: 422,
  attachment_invalid: 422,
  terms_invalid: 422,
  rule_unsupported: 422,
  pop_invalid: 422,
  deal_invalid: 422,
  transcript_mismatch: 422,
  certificate_invalid: 422,
  setup_expired: 409,
  epoch_superseded: 409,
  redemption_expired: 409,
  redemption_limit: 429,
  release_invalid: 422,
  shares_insufficient: 503,
  order_not_found: 404,
  order_state_conflict: 409,
  beneficiary_mismatch: 422,
  fiduciaries_missing: 400,
  fiduciaries_insufficient: 503,
  request_invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  replayed: 409,
  idempotency_conflict: 422,
  not_found: 404,
  moved_to_nats: 410,
  rate_limited: 429,
  busy: 503,
  service_unavailable: 503,
  timeout: 504,
  internal: 500,
  custody_unavailable: 503,
  custody_invalid: 500,
  schema_outdated: 503,
  write_conflict: 503,
  store_unavailable: 503,
  block_not_found: 404,
  block_invalid: 502,
  segment_invalid: 422,
  log_gap: 409,
  log_fork: 409,
  log_rollback: 409,
  configuration_invalid: 500,
  start_failed: 500,
};

/** What every error is answered with: `application/problem+json` (RFC 9457), with our members. */
export const problemSchema = z.object({
  type: z.string().describe('urn:dta:problem:<code>'),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(errorCodes).describe('Stable: clients may branch on it'),
  requestId: z.string(),
  errors: z
    .array(z.strictObject({ path: z.string(), message: z.string() }))
    .optional()
    .describe('Every fault of a request that fails validation'),
  orderReference: cidText.optional(),
  waitingFor: waitingFor.optional().describe('fiduciaries_insufficient: which and why'),
});
export type Problem = z.input<typeof problemSchema>;
