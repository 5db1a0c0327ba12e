export { parseEnvelope, verifyEnvelope, MAX_ENVELOPE_BYTES, type Envelope, type EnvelopeHeader } from './envelope.js';
export { sealEnvelope, type NewEnvelope, type Recipient } from './seal.js';
export { openEnvelope, type Opener } from './open.js';
export { attachmentHash, pickAttachment } from './attachment.js';
export { decodeBundle, encodeBundle, MAX_BUNDLE_BYTES, type Bundle } from './bundle.js';
export {
  MAX_SEGMENT_ENVELOPES,
  parseSegment,
  segmentStatement,
  signSegment,
  type NewSegment,
  type Segment,
} from './segment.js';
export { auditLog, firstIdentity, type AuditedLog, type LogAudit, type ReadBlock, type SeenHead } from './audit.js';
