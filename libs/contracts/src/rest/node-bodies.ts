import { errorCodes } from '@dta/errors';
import { z } from 'zod';
import { cidText } from '../cid-text.js';
import { IDENTITY_DOCUMENT_MAX_BYTES, IDENTITY_DOCUMENTS_MAX } from '../limits.js';
import { roleSchema } from '../role.js';
import { base64Bytes, hexBytes, instant } from './values.js';

const idDocumentCID = cidText.describe('The CID of the identity document');

export const nodeStatus = z.strictObject({
  application: z.string(),
  apiVersion: z.literal('v1'),
  nodeCID: idDocumentCID,
  extensionVendor: z.string(),
  plugin: z.string().describe('Of orders that name none'),
  plugins: z.array(z.string()).describe('What an order may say as `plugin`; `/openapi.json` has their extensions'),
  nodeType: z.enum(['multi', ...roleSchema.options]),
  timeStamp: instant,
  roles: z.array(
    z.strictObject({
      role: roleSchema,
      nodeCID: idDocumentCID,
      name: z.string().nullable(),
      custody: z.string().nullable(),
      custodyErases: z.boolean().nullable(),
      ready: z.boolean(),
    }),
  ),
  warnings: z.array(z.string()).describe('What this node does not protect against, in sentences'),
});

export const identityPath = z.strictObject({ idDocumentCID });
export const listIdentitiesQuery = z.strictObject({ role: roleSchema.optional() });
export const admitIdentityBody = z
  .strictObject({
    document: base64Bytes(IDENTITY_DOCUMENT_MAX_BYTES)
      .optional()
      .describe('The identity document of a chain that has one, or a Revocation or Decision'),
    documents: z
      .array(base64Bytes(IDENTITY_DOCUMENT_MAX_BYTES))
      .min(1)
      .max(IDENTITY_DOCUMENTS_MAX)
      .optional()
      .describe('All documents of one chain, with its Decisions and its Revocation if there are any, in any order'),
    idDocumentCID: cidText.optional().describe('Its CID, where a store can find it'),
  })
  .refine((body) => Object.values(body).some((value) => value !== undefined), {
    error: 'document, documents or idDocumentCID is needed',
  })
  .refine(({ document, documents }) => document === undefined || documents === undefined, {
    error: 'document or documents, not both',
  });

/** How each role behind the gateway answered what is asked of several. */
const outcomes = z
  .array(
    z.strictObject({
      role: roleSchema,
      nodeCID: idDocumentCID,
      code: z.enum(['ok', ...errorCodes]).describe('`ok`, or the code of what this role answered'),
      detail: z.string().nullable().describe('The sentence of that problem'),
    }),
  )
  .describe('How each role behind this gateway answered; 207 where one of them did not');

const shown = { idDocumentCID, name: z.string(), roles: z.array(roleSchema), own: z.boolean() };

export const identityList = z.strictObject({ identities: z.array(z.strictObject(shown)), outcomes });
export const identityDetail = z.strictObject({
  ...shown,
  admitted: z.boolean().describe('By every role behind this gateway, as far as is known'),
  standing: z.enum(['sound', 'frozen', 'revoked']).describe('The worst that a role behind this gateway knows of it'),
  document: base64Bytes(IDENTITY_DOCUMENT_MAX_BYTES),
  prev: idDocumentCID.nullable(),
  keys: z.strictObject({
    sign: hexBytes(32).describe('Ed25519'),
    kem: hexBytes(1216).describe('X-Wing'),
  }),
  outcomes,
});
export const admittedIdentity = z.strictObject({ idDocumentCID, outcomes });

export const logHeadsQuery = z.strictObject({ role: roleSchema.optional() });
export const logHeads = z.strictObject({
  heads: z.array(
    z.strictObject({
      role: roleSchema,
      nodeCID: idDocumentCID,
      head: z
        .strictObject({ seq: z.int().min(0).describe('Starts at 0'), segment: cidText })
        .nullable()
        .describe('The newest segment in the document store; null before the first'),
    }),
  ),
  outcomes,
});

export const frontPage = z.strictObject({
  application: z.literal('D-TA'),
  docs: z.string().describe('The API, browsable'),
  openapi: z.string().describe('The API as OpenAPI 3.1'),
  status: z.string().describe('What this node is'),
  health: z.string().describe('Whether it can work'),
  readme: z.string().describe("The program's README"),
});

export const liveness = z.strictObject({ status: z.literal('ok') });
export const readiness = z.strictObject({
  ready: z.boolean(),
  parts: z
    .record(z.string(), z.string())
    .describe('Each part that is `up`, and those without which nothing goes on: why they are not'),
  degraded: z.record(z.string(), z.string()).describe('Parts that are away and without which work goes on, and why'),
});
