import { describe, expect, test } from '@jest/globals';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import bitcoinwallet from '../src/index.js';
import { addressOf, addressTypes, coins, wifOf, type Wallet } from '../src/wallet.js';
import { addressVectors, wifVectors } from './vectors/addresses.js';

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));
const facts = { orderReference: 'bafy', orderReferenceBytes: new Uint8Array(36) };

describe('published vectors', () => {
  test.each(addressVectors)('$address ($wallet.addressType; $from)', ({ wallet, publicKey, address }) => {
    expect(addressOf(bytes(publicKey), wallet)).toBe(address);
  });

  test.each(wifVectors)('$wif ($from)', ({ wallet, secret, wif }) => {
    expect(wifOf(bytes(secret), wallet)).toBe(wif);
  });

  test('cover every type of address on both networks', () => {
    const covered = new Set(addressVectors.map(({ wallet: { coin, addressType } }) => `${coin} ${addressType}`));
    const all = coins.flatMap((coin) => addressTypes.map((addressType) => `${coin} ${addressType}`));
    expect([...covered].sort()).toEqual(all.sort());
  });

  test("the original's private key makes the original's address", () => {
    const secret = bytes('eb354d4b18e0b4ac6e63369f33d0cffe7f3c09101d29678877a6ce8879d7e152'); // coin_test.go, as above
    const commitment = secp256k1.getPublicKey(secret);
    const request: Wallet = { coin: '0', addressType: 'p2pkh' };
    expect(bitcoinwallet.answerOrder?.({ ...facts, commitment, request, held: null })).toEqual({
      address: '1MwiNcg3v19BLeawNJKL8L18m4Tzmtua5T',
    });
  });
});

describe('the plugin', () => {
  test('gives the address of the order again with its secret', async () => {
    const secret = secp256k1.utils.randomSecretKey();
    const commitment = secp256k1.getPublicKey(secret);
    for (const coin of coins) {
      for (const addressType of addressTypes) {
        const request = { coin, addressType };
        const placed = await bitcoinwallet.answerOrder?.({ ...facts, commitment, request, held: null });
        const redeemed = await bitcoinwallet.answerRedemption?.({
          ...facts,
          commitment,
          request,
          redemption: {},
          secret,
        });
        expect(redeemed).toMatchObject({ ...placed, wif: expect.any(String) });
      }
    }
  });

  test('puts coin and type into the Request, and nothing else', () => {
    const order = bitcoinwallet.schemas.order.parse({ coin: '1' });
    expect(bitcoinwallet.extendRequest?.(order)).toEqual({ request: { coin: '1', addressType: 'p2pkh' } });
  });

  test.each([[{}], [{ coin: 0 }], [{ coin: '2' }], [{ coin: '0', addressType: 'p2sh' }], [{ coin: '0', more: 1 }]])(
    'takes no order of %j',
    (extension) => {
      expect(bitcoinwallet.schemas.order.safeParse(extension).success).toBe(false);
    },
  );

  test('takes no key that is no point', () => {
    const commitment = new Uint8Array(33).fill(5);
    for (const addressType of addressTypes) {
      const request = { coin: '0' as const, addressType };
      expect(() => bitcoinwallet.answerOrder?.({ ...facts, commitment, request, held: null })).toThrow();
    }
  });
});
