import { definePlugin, refuse } from '@dta/plugin';
import { z } from 'zod';
import { open, seal, TAG_BYTES, V_BYTES } from './seal.js';

/** What may be safeguarded, in bytes: its hex form then fits a redemption's body, which has at most 256 KiB. */
const PLAINTEXT_MAX_BYTES = 64 * 1024;

const encodings = ['utf8', 'base64'] as const;
const encoding = z.enum(encodings);
const hex = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`), `must be ${bytes} bytes in hex`);
const cypherText = z
  .string()
  .max(PLAINTEXT_MAX_BYTES * 2)
  .regex(/^([0-9a-f]{2})*$/, 'must be bytes in hex');
const sealed = z.strictObject({ cypherText, v: hex(V_BYTES), t: hex(TAG_BYTES) });
const nothing = z.strictObject({});

/** In a buffer of their own: `Buffer.from` keeps what is short in a pool with other values. */
function bytesOf(text: string, form: z.output<typeof encoding>): Uint8Array {
  const bytes = Buffer.alloc(Buffer.byteLength(text, form));
  bytes.write(text, form);
  return bytes;
}

/**
 * Safeguards a text or bytes: sealed to the order's public key once that exists, and opened with its private key. The
 * plaintext goes into nothing that is signed, sent or kept, but for the copy that custody seals until then.
 */
export default definePlugin({
  apiVersion: 1,
  name: 'safeguardsecret',
  schemas: {
    order: z.strictObject({
      plainText: z
        .string()
        .max(PLAINTEXT_MAX_BYTES * 2)
        .describe('At most 64 KiB'),
      encoding: encoding.default('utf8').describe('What plainText is: a text, or bytes in base64'),
    }),
    request: z.strictObject({ encoding: encoding.optional() }),
    placed: sealed,
    redemption: z
      .union([sealed, nothing])
      .describe('What the order was answered with; without it there is no plainText'),
    redeemed: z.union([z.strictObject({ plainText: z.string(), encoding: encoding.optional() }), nothing]),
  },
  validateOrder: ({ plainText, encoding: form }) => {
    if (form === 'utf8' ? !plainText.isWellFormed() : Buffer.from(plainText, 'base64').toString('base64') !== plainText)
      refuse(`extension.plainText: must be ${form === 'utf8' ? 'well-formed text' : 'base64, with padding'}`);
    if (Buffer.byteLength(plainText, form) > PLAINTEXT_MAX_BYTES)
      refuse(`extension.plainText: must be at most ${PLAINTEXT_MAX_BYTES} bytes`);
  },
  extendRequest: ({ plainText, encoding: form }) => ({
    request: form === 'utf8' ? {} : { encoding: form },
    held: bytesOf(plainText, form),
  }),
  answerOrder: async ({ commitment, orderReferenceBytes, held }) => {
    if (held === null) throw new Error('an order of this plugin holds its plaintext');
    return seal(commitment, orderReferenceBytes, held);
  },
  answerRedemption: async ({ secret, orderReferenceBytes, redemption, request }) => {
    const given = sealed.safeParse(redemption);
    if (!given.success) return {}; // the client gave none
    const bytes = await open(secret, orderReferenceBytes, given.data).catch(() =>
      refuse('extension: cypherText, v and t are not those of this order'),
    );
    const plainText = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(request.encoding ?? 'utf8');
    bytes.fill(0);
    return { plainText, ...request };
  },
});
