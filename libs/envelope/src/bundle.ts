import { decodeDocument, encodeDocument, fields } from '@dta/codec';
import { z } from 'zod';
import { MAX_ENVELOPE_BYTES } from './envelope.js';

/** The largest message between nodes. */
export const MAX_BUNDLE_BYTES = 1024 * 1024;

const bundle = fields.map({
  envelopes: z.array(fields.bytesUpTo(MAX_ENVELOPE_BYTES)).min(1).max(64),
  attachments: z.array(fields.bytesUpTo(4096)).max(1024),
  identities: z.array(fields.bytesUpTo(128 * 1024)).max(512),
});

/** One message between nodes: `envelopes[0]` is the message, the rest evidence (docs/protocol.md §5). */
export type Bundle = z.output<typeof bundle>;

/** The bytes of a bundle. */
export function encodeBundle(parts: Bundle): Uint8Array {
  return encodeDocument(bundle, parts);
}

/** @throws `too_large` above 1 MiB, `non_canonical`, `document_invalid` */
export function decodeBundle(bytes: Uint8Array): Bundle {
  return decodeDocument(bundle, bytes, MAX_BUNDLE_BYTES);
}
