import { DtaError } from '@dta/errors';

/** CBOR's major types (RFC 8949 §3.1), in the upper three bits of an item's first byte. */
export const UNSIGNED = 0x00;
export const NEGATIVE = 0x20;
export const BYTES = 0x40;
export const TEXT = 0x60;
export const LIST = 0x80;
export const MAP = 0xa0;
export const TAG = 0xc0;
export const FALSE = 0xf4;
export const TRUE = 0xf5;
export const NULL = 0xf6;

/**
 * What stands before the 36 bytes of a link's CID: tag 42, a byte string of 37, and the multibase prefix of binary
 * (DAG-CBOR specification, "Links").
 */
export const LINK_HEAD = Uint8Array.of(0xd8, 42, 0x58, 37, 0x00);

/** How deep lists and maps may lie in one another: far below where a stack ends, whoever calls from however deep. */
export const MAX_NESTING = 64;

/** How much a document may hold beside its size in bytes: each item takes time whatever its size. */
export interface ItemLimits {
  /** of the whole document: each value and each key; a link is one */
  readonly items: number;
  /** of any one map */
  readonly entries: number;
  readonly links: number;
}

/** What a document of the protocol may hold; the reasons of both numbers are in docs/protocol.md §2. */
export const DOCUMENT_LIMITS: ItemLimits = { items: 4_096, entries: 512, links: 1_000 };

/** For what this operator's own processes write for each other, under a seal or in a row: its size is limit enough. */
export const NO_ITEM_LIMITS: ItemLimits = { items: Infinity, entries: Infinity, links: 0 };

const said: Readonly<Record<keyof ItemLimits, (most: number) => string>> = {
  items: (most) => `a document holds at most ${most} items`,
  entries: (most) => `a map has at most ${most} entries`,
  links: (most) => `a document holds at most ${most} links`,
};

/** The refusal of a document that has more than `limits`. */
export function tooMany(what: keyof ItemLimits, limits: ItemLimits): DtaError {
  return new DtaError('too_large', said[what](limits[what]), { metadata: { [what]: limits[what] } });
}
