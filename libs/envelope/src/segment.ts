import { fields } from '@dta/codec';
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
  envelopes: z.array(z.custom<CID>((value) => CID.asCID(value) !== null, 'must be a link')).min(1),
});
