import { fromHex, toHex } from '@dta/codec';
import { z } from 'zod';

const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'must be bytes');

/** `length` bytes as lower-case hex. */
export const hexBytes = (length: number) =>
  z.codec(
    z.string().regex(new RegExp(`^[0-9a-f]{${length * 2}}$`), `must be ${length} bytes in lower-case hex`),
    bytes,
    {
      decode: fromHex,
      encode: toHex,
    },
  );

/** At most `max` bytes as base64. */
export const base64Bytes = (max: number) =>
  z.codec(z.base64('must be base64').max(Math.ceil(max / 3) * 4, `must be at most ${max} bytes`), bytes, {
    decode: (text) => new Uint8Array(Buffer.from(text, 'base64')),
    encode: (value) => Buffer.from(value).toString('base64'),
  });

/** A time as whole Unix seconds, as the original gives it; Unix milliseconds inside. */
export const unixSeconds = z.codec(z.int(), z.int(), {
  decode: (seconds) => seconds * 1000,
  encode: (ms) => Math.floor(ms / 1000),
});

/** A time by RFC 3339; Unix milliseconds inside. */
export const instant = z.codec(z.iso.datetime({ offset: true, error: 'must be a time by RFC 3339' }), z.int().min(0), {
  decode: (text) => Date.parse(text),
  encode: (ms) => new Date(ms).toISOString(),
});

/** A whole number in a query. */
export const queryInteger = (min: number, max: number) =>
  z.preprocess(
    (text) => (typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : text),
    z.int('must be a whole number').min(min).max(max),
  );

/** What a plugin reads or writes: JSON whose numbers are whole, since DAG-CBOR's of the protocol are. */
export const extension = z
  .record(z.string(), z.unknown())
  .refine(hasWholeNumbers, 'may hold whole numbers of at most 2^53 - 1 only, and no -0; write others as text')
  .describe("The plugin's part");

function hasWholeNumbers(value: unknown): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value) && !Object.is(value, -0);
  return typeof value !== 'object' || value === null || Object.values(value).every(hasWholeNumbers);
}
