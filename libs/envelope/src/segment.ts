import { cidFromBytes, fields } from '@dta/codec';
import { defineStatement, roles } from '@dta/identity';
import { CID } from 'multiformats/cid';
import { z } from 'zod';

/**
 * One batch of the shared log: the next `seq` of a role's chain and the envelopes in it, as links, so that pinning the
 * segment pins them (docs/protocol.md §4).
 */
export const segmentStatement = defineStatement('segment', {
  role: z.enum(roles),
  seq: fields.counter,
  prev: fields.cid.nullable(),
  envelopes: z.array(z.custom<CID>(isLink, 'must be a link to a block of ours')).min(1),
});

/** A link, and by a CID of ours: a recursive pin follows it. */
function isLink(value: unknown): boolean {
  const link = CID.asCID(value);
  if (link === null) return false;
  try {
    cidFromBytes(link.bytes);
    return true;
  } catch {
    return false;
  }
}
