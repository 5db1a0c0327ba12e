export { parseEnvelope, verifyEnvelope, MAX_ENVELOPE_BYTES, type Envelope, type EnvelopeHeader } from './envelope.js';
export { sealEnvelope, type NewEnvelope, type Recipient } from './seal.js';
export { openEnvelope, type Opener } from './open.js';
export { attachmentHash, pickAttachment } from './attachment.js';
export { decodeBundle, encodeBundle, MAX_BUNDLE_BYTES, type Bundle } from './bundle.js';
export { segmentStatement } from './segment.js';
