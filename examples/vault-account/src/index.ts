import { createHash, createHmac } from 'node:crypto';
import { definePlugin, refuse } from '@dta/plugin';
import { z } from 'zod';

const account = z.string().regex(/^[A-Z]{2}-\d{6}$/, 'must be an account, such as AB-123456');
const officer = z.string().min(1).max(64);

/** Ties an order to a client's account: two officers redeem it, and the client gets a receipt under the key. */
export default definePlugin({
  apiVersion: 1,
  name: 'vault-account',
  schemas: {
    order: z.strictObject({ account, note: z.string().max(500).optional() }),
    request: z.strictObject({ account }),
    placed: z.strictObject({ account, fingerprint: z.string(), note: z.string().optional() }),
    redemption: z.strictObject({ account, officers: z.array(officer).length(2) }),
    redeemed: z.strictObject({ account, receipt: z.string() }),
  },

  // before anything is signed
  validateOrder: ({ account: asked }) => {
    if (asked.startsWith('ZZ-')) refuse(`${asked} is closed`);
  },

  // every party reads the Request; the note stays with us, sealed, until the key is there
  extendRequest: ({ account: asked, note }) => ({
    request: { account: asked },
    ...(note !== undefined && { held: new Uint8Array(Buffer.from(note)) }),
  }),

  // the key is there: what the client may see of it
  answerOrder: ({ commitment, request, held }) => ({
    ...request,
    fingerprint: createHash('sha256').update(commitment).digest('hex').slice(0, 16),
    ...(held !== null && { note: Buffer.from(held).toString() }),
  }),

  // before the Redemption is signed, and again where the secret is revealed
  validateRedemption: ({ request, redemption }) => {
    if (redemption.account !== request.account) refuse('the order is of another account');
    if (redemption.officers[0] === redemption.officers[1]) refuse('two different officers are needed');
  },

  // with the secret in hand
  answerRedemption: ({ secret, request, redemption }) => ({
    ...request,
    receipt: createHmac('sha256', secret).update(redemption.officers.join('\n')).digest('hex'),
  }),
});
