import { fields } from '@dta/codec';
import { z } from 'zod';
import { IDENTITY_DOCUMENT_MAX_BYTES } from '../limits.js';
import { roleSchema } from '../role.js';

const shown = {
  idDocumentCID: fields.cid,
  name: z.string(),
  roles: z.array(roleSchema),
  /** Whether it is the answering role's own. */
  own: z.boolean(),
};

/** An identity on the admission list of a role, or its own. */
export const identitySummarySchema = z.object(shown);
export type IdentitySummary = z.output<typeof identitySummarySchema>;

/** An identity whose document the role has verified. */
export const identityViewSchema = z.object({
  ...shown,
  admitted: z.boolean(),
  standing: z.enum(['sound', 'frozen', 'revoked']),
  document: fields.bytesUpTo(IDENTITY_DOCUMENT_MAX_BYTES),
  prev: fields.cid.nullable(),
  /** Ed25519 [32]; X-Wing [1216]. */
  keys: z.object({ sign: fields.bytes(32), kem: fields.bytes(1216) }),
});
