import { fields } from '@dta/codec';
import { z } from 'zod';
import { defineStatement } from './statement.js';

/** What a node can be in an order. */
export const roles = ['principal', 'fiduciary', 'beneficiary'] as const;

/** One of {@link roles}. */
export type Role = (typeof roles)[number];

/**
 * An Identity Document: who a node is, its roles and its keys (docs/protocol.md §3). Its CID is the node's
 * `idDocumentCID`. `next` commits to the signing key of the successor, see `nextKeyHash`: null where there can be none.
 * `recovery`, in a first document, may be a second Ed25519 key [32], which decides a fork and can revoke the chain.
 */
export const identityStatement = defineStatement(
  'identity',
  {
    name: z.string().min(1).max(128),
    roles: z.array(z.enum(roles)).min(1).max(roles.length),
    keys: fields.map({ sign: fields.bytes(32), kem: fields.bytes(1216) }),
    next: fields.bytes(32).nullable(),
    recovery: fields.bytes(32).nullable(),
    prev: fields.cid.nullable(),
    extension: fields.extension,
  },
  { cosigned: true },
);

/** A Revocation: the chain of `identity` says nothing new from now on. */
export const revocationStatement = defineStatement('revocation', {
  identity: fields.cid,
  reason: z.string().max(256),
});

/** A Decision: of the successors of one document, the chain goes on with `identity`. */
export const decisionStatement = defineStatement('decision', {
  identity: fields.cid,
  reason: z.string().max(256),
});
