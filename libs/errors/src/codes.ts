/**
 * Every code a {@link DtaError} can carry. A code is stable: operators alert on it and clients branch on it, so it is
 * never renamed and never reused with another meaning.
 */
export const errorCodes = [
  // bytes and documents
  'too_large',
  'non_canonical',
  'document_invalid',
  'time_ahead',
  'clock_skewed',
  // cryptography
  'key_invalid',
  'point_invalid',
  'scalar_invalid',
  'signature_invalid',
  'decryption_failed',
  // identities
  'identity_invalid',
  'identity_not_admitted',
  'identity_frozen',
  'identity_not_found',
  'key_file_invalid',
  // envelopes
  'envelope_invalid',
  'attachment_invalid',
  // orders
  'terms_invalid',
  'rule_unsupported',
  'pop_invalid',
  'deal_invalid',
  'transcript_mismatch',
  'certificate_invalid',
  'setup_expired',
  'epoch_superseded',
  'redemption_expired',
  'redemption_limit',
  'release_invalid',
  'shares_insufficient',
  'order_not_found',
  'order_state_conflict',
  'beneficiary_mismatch',
  'fiduciaries_missing',
  'fiduciaries_insufficient',
  // plugins
  'plugin_unknown',
  'plugin_refused',
  'plugin_failed',
  'plugin_timeout',
  // calls
  'request_invalid',
  'cursor_invalid',
  'unauthenticated',
  'forbidden',
  'replayed',
  'idempotency_conflict',
  'not_found',
  'moved_to_nats',
  'rate_limited',
  'busy',
  'service_unavailable',
  'timeout',
  'internal',
  // custody and stores
  'custody_unavailable',
  'custody_invalid',
  'record_invalid',
  'schema_outdated',
  'write_conflict',
  'store_unavailable',
  'block_not_found',
  'block_invalid',
  // the shared log
  'segment_invalid',
  'log_gap',
  'log_fork',
  'log_rollback',
  // starting a process
  'configuration_invalid',
  'start_failed',
] as const;

/** A stable error code. */
export type ErrorCode = (typeof errorCodes)[number];
