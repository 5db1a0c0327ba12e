import { DtaError } from '@dta/errors';
import { z } from 'zod';
import { decodeCanonical, holdsLink } from './canonical.js';
import { cidFromBytes, cidToBytes, isOurs, type Cid } from './cid.js';
import { encodeCanonical } from './encoder.js';
import { DOCUMENT_LIMITS, type ItemLimits } from './items.js';

/** A schema of a document: `fields.map` throughout, so that unknown fields are refused. */
export type DocumentSchema = z.ZodType;

const anyBytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'must be bytes');

/**
 * A map with these fields and no others. In the place of `z.strictObject`, which takes a byte string for a map with a field
 * for each of its bytes: a message of 1 MiB that was one byte string took half a second to be refused.
 */
function map<S extends z.core.$ZodShape>(shape: S) {
  const inner = z.strictObject(shape);
  return z.pipe(z.custom<z.input<typeof inner>>(isMap, 'must be a map'), inner);
}

function isMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

/** The building blocks of document schemas. In a document a CID is 36 bytes; in code it is text. */
export const fields = {
  map,
  /** Exactly as many bytes as one of `lengths`. */
  bytes: (...lengths: readonly number[]) =>
    anyBytes.refine((value) => lengths.includes(value.length), `must be ${[...new Set(lengths)].join(' or ')} bytes`),
  /** At most `max` bytes. */
  bytesUpTo: (max: number) => anyBytes.refine((value) => value.length <= max, `must be at most ${max} bytes`),
  // each side is checked by what makes the other of it
  cid: z.codec(anyBytes, z.custom<Cid>(), {
    decode: (bytes, context) => {
      if (isOurs(bytes)) return cidFromBytes(bytes);
      context.issues.push({ code: 'custom', message: 'must be a CID', input: bytes });
      return z.NEVER;
    },
    encode: (cid, context) => {
      if (isCid(cid)) return cidToBytes(cid);
      context.issues.push({ code: 'custom', message: 'must be a CID', input: cid });
      return z.NEVER;
    },
  }),
  /** Integer Unix milliseconds. */
  ms: z.int().nonnegative(),
  /** A 1-based index of a fiduciary: a principal employs at most 32. */
  index: z.int().min(1).max(32),
  /** An epoch or a round; starts at 0. */
  counter: z.int().min(0).max(0xffffffff),
  /** The one open field: whatever a plugin puts there, as CBOR, but no link, which a recursive pin would follow. */
  extension: z
    .record(z.string(), z.unknown())
    .refine((extension) => !holdsLink(extension), 'must not hold links (a CID is its 36 bytes)'),
} as const;

/** The canonical text of a CID of ours, as `parseCid` takes it: fixed prefix, and no bits left over at its end. */
export const CID_TEXT = /^bafyrei[a-h][a-z2-7]{50}[aeimquy4]$/;

function isCid(value: unknown): value is Cid {
  return typeof value === 'string' && CID_TEXT.test(value);
}

/**
 * Decodes canonical DAG-CBOR and holds it against a schema.
 *
 * @throws `too_large`, `non_canonical`, or `document_invalid` with every fault's path; values are never echoed.
 */
export function decodeDocument<S extends DocumentSchema>(
  schema: S,
  bytes: Uint8Array,
  maxBytes: number,
  limits: ItemLimits = DOCUMENT_LIMITS,
): z.output<S> {
  return checkDocument(schema, decodeCanonical(bytes, maxBytes, limits));
}

/** Holds a value that `decodeCanonical` gave against a schema. @throws `document_invalid` as {@link decodeDocument} */
export function checkDocument<S extends DocumentSchema>(schema: S, value: unknown): z.output<S> {
  const result = z.safeDecode(schema, value as z.input<S>); // what the schema is there to check
  if (result.success) return result.data;
  throw new DtaError('document_invalid', 'document does not have the form that its type asks for', {
    metadata: { faults: result.error.issues.slice(0, 10).map(describeFault) },
  });
}

/** A fault by path and reason; an unknown field isn't named, since whoever wrote the bytes chose its name. */
function describeFault({ path, code, message }: z.core.$ZodIssue): string {
  return `${path.join('.')}: ${code === 'unrecognized_keys' ? 'unknown field' : message}`;
}

/**
 * The canonical bytes of a document.
 *
 * @throws ZodError where our own code made one that the schema refuses; `document_invalid` and `too_large` as
 * {@link encodeCanonical}
 */
export function encodeDocument<S extends DocumentSchema>(
  schema: S,
  value: z.output<S>,
  limits: ItemLimits = DOCUMENT_LIMITS,
): Uint8Array {
  return encodeCanonical(z.encode(schema, value), limits);
}
