import { cidFromBytes, cidToLink, fields, linkOf, type Cid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import { defineStatement, parseStatement, roles, signStatement, type Role, type SigningKey } from '@dta/identity';
import type { CID } from 'multiformats/cid';
import { z } from 'zod';

/** The most envelopes of one segment: with a link of 41 bytes each it stays far below a statement's 128 KiB. */
export const MAX_SEGMENT_ENVELOPES = 1_000;

/**
 * One batch of the shared log: the next `seq` of a role's chain and the envelopes in it, as links, so that pinning the
 * segment pins them (docs/protocol.md §4).
 */
export const segmentStatement = defineStatement('segment', {
  role: z.enum(roles),
  seq: fields.counter,
  prev: fields.cid.nullable(),
  envelopes: z.array(z.custom<CID>(isLink, 'must be a link to a block of ours')).min(1).max(MAX_SEGMENT_ENVELOPES),
});

/** A link, which a recursive pin follows: that its CID is one of ours, the codec sees on both ways. */
function isLink(value: unknown): boolean {
  return linkOf(value) !== null;
}

/** A segment as it was read: well-formed, its signature not checked. */
export interface Segment {
  readonly cid: Cid;
  readonly issuer: Cid;
  readonly role: Role;
  /** starts at 0 */
  readonly seq: number;
  /** the segment before it; null for the first */
  readonly prev: Cid | null;
  readonly envelopes: readonly Cid[];
  readonly statement: ReturnType<typeof parseSegmentStatement>;
}

/** What a new segment says. */
export interface NewSegment extends Pick<Segment, 'issuer' | 'role' | 'seq' | 'prev' | 'envelopes'> {
  /** Unix milliseconds */
  readonly now: number;
}

/** Signs the next segment of a chain. @throws ZodError for no envelope, or more than {@link MAX_SEGMENT_ENVELOPES} */
export async function signSegment(
  { issuer, role, seq, prev, envelopes, now }: NewSegment,
  key: SigningKey,
): Promise<{ cid: Cid; bytes: Uint8Array }> {
  const links = envelopes.map(cidToLink);
  const said = { issuer, order: null, createdAt: now, role, seq, prev, envelopes: links };
  const { cid, bytes } = await signStatement(segmentStatement, said, [key]);
  return { cid, bytes };
}

const parseSegmentStatement = (bytes: Uint8Array) => parseStatement([segmentStatement], bytes);

/**
 * Reads a segment: canonical bytes, form, each envelope once; no signature.
 *
 * @throws `segment_invalid`
 */
export function parseSegment(bytes: Uint8Array): Segment {
  let statement: Segment['statement'];
  try {
    statement = parseSegmentStatement(bytes);
  } catch (cause) {
    throw new DtaError('segment_invalid', 'not a segment of the log', { cause });
  }
  const { issuer, order, role, seq, prev, envelopes: links } = statement.body;
  const envelopes = links.map((link) => cidFromBytes(link.bytes));
  if (issuer === null || order !== null || new Set(envelopes).size !== envelopes.length) {
    throw new DtaError('segment_invalid', 'a segment has an issuer and no order, and names each envelope once', {
      metadata: { segment: statement.cid },
    });
  }
  return { cid: statement.cid, issuer, role, seq, prev, envelopes, statement };
}
