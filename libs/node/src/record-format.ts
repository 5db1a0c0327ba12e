import { checkDocument, decodeCanonical, encodeCanonical, NO_ITEM_LIMITS, type DocumentSchema } from '@dta/codec';
import { DtaError } from '@dta/errors';
import { z } from 'zod';

/** When a reader of a newer record may ask again: by then another replica may answer, or this one be replaced. */
const RETRY_AFTER_MS = 1_000;

/** A role's order as the bytes of its row: a map in canonical DAG-CBOR, whose shortest name, and so its first, is `v`. */
export interface RecordFormat<O> {
  encode(order: O): Uint8Array;
  /**
   * @param record authenticated before: anyone could name a `v` otherwise
   * @throws `busy` for a record of a newer format: the row is left as it is; `document_invalid`, `non_canonical` for any other
   * that isn't of the newest two formats
   */
  decode(record: Uint8Array): O;
}

/** The format before a {@link RecordFormat}, of rows that replicas one version older have written. */
export interface FormerFormat<O> {
  /** @throws `document_invalid` */
  read(order: unknown): O;
}

const versioned = z.looseObject({ v: z.int().positive() });

/**
 * The format of the version `v`, from 1 on; read together with the one before it, and written alone (docs/adr/0028).
 *
 * @param schema of the order without `v`, strict
 */
export function recordFormat<S extends DocumentSchema>(
  v: number,
  schema: S,
  former: FormerFormat<z.output<S>> | null = null,
): RecordFormat<z.output<S>> {
  return {
    encode: (order) => encodeCanonical({ v, ...(z.encode(schema, order) as object) }), // an order is one,
    decode: (record) => {
      const value = decodeCanonical(record, record.length, NO_ITEM_LIMITS); // a newer one may be of any size
      const { v: found, ...order } = checkDocument(versioned, value);
      if (found > v) throw newer(found);
      if (found === v) return checkDocument(schema, order);
      if (found === v - 1 && former !== null) return former.read(order);
      throw new DtaError('document_invalid', `a record of the format ${found}, which this version doesn't read`);
    },
  };
}

/** The format before: its schema, and what an order of it is now. */
export function formerFormat<S extends DocumentSchema, O>(schema: S, now: (order: z.output<S>) => O): FormerFormat<O> {
  return { read: (order) => now(checkDocument(schema, order)) };
}

function newer(v: number): DtaError {
  return new DtaError(
    'busy',
    `a newer version of this role wrote the order (record format ${v}): a replica of it goes on`,
    {
      metadata: { retryAfterMs: RETRY_AFTER_MS },
    },
  );
}
