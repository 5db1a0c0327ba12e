import { definePlugin } from '@dta/plugin';
import { z } from 'zod';
import { addressOf, addressTypes, coins, wifOf } from './wallet.js';

const coin = z.enum(coins).describe('"0": Bitcoin; "1": its test networks');
const addressType = z
  .enum(addressTypes)
  .default('p2pkh')
  .describe('p2pkh: as the original has it, of the uncompressed key');
const address = z.string();

/**
 * A Bitcoin wallet's key: the address of the order's public key with the order, and with its secret the same address and
 * the private key in wallet import format.
 */
export default definePlugin({
  apiVersion: 1,
  name: 'bitcoinwallet',
  schemas: {
    order: z.strictObject({ coin, addressType }),
    request: z.strictObject({ coin, addressType }),
    placed: z.strictObject({ address }),
    redemption: z.looseObject({}), // a client of the original may send its order's extension again
    redeemed: z.strictObject({ address, wif: z.string() }),
  },
  extendRequest: (order) => ({ request: order }),
  answerOrder: ({ commitment, request }) => ({ address: addressOf(commitment, request) }),
  answerRedemption: ({ commitment, secret, request }) => ({
    address: addressOf(commitment, request),
    wif: wifOf(secret, request),
  }),
});
