import { secp256k1 } from '@noble/curves/secp256k1.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { createBase58check } from '@scure/base';
import { Address, NETWORK, p2pkh, p2tr, p2wpkh, TEST_NETWORK, WIF } from '@scure/btc-signer';
import { hash160 } from '@scure/btc-signer/utils.js';

/** SLIP-44 numbers, as the original's clients send them. */
export const coins = ['0', '1'] as const;

/**
 * `p2pkh` is what the original gives: the hash of the uncompressed key. `p2pkh-compressed` is that of the compressed one,
 * `p2wpkh` is BIP-141's (addresses as in BIP-84), `p2tr` BIP-341's with a key path only (as in BIP-86).
 */
export const addressTypes = ['p2pkh', 'p2pkh-compressed', 'p2wpkh', 'p2tr'] as const;

/** Which wallet an order is for. */
export interface Wallet {
  readonly coin: (typeof coins)[number];
  readonly addressType: (typeof addressTypes)[number];
}

const networkOf = { '0': NETWORK, '1': TEST_NETWORK } as const;

/** The address of a public key [33, compressed]. */
export function addressOf(publicKey: Uint8Array, { coin, addressType }: Wallet): string {
  const network = networkOf[coin];
  switch (addressType) {
    case 'p2pkh': {
      const uncompressed = secp256k1.Point.fromBytes(publicKey).toBytes(false);
      return Address(network).encode({ type: 'pkh', hash: hash160(uncompressed) });
    }
    case 'p2pkh-compressed':
      return addressIn(p2pkh(publicKey, network));
    case 'p2wpkh':
      return addressIn(p2wpkh(publicKey, network));
    case 'p2tr':
      return addressIn(p2tr(publicKey.subarray(1), undefined, network));
  }
}

/**
 * A private key [32] in wallet import format, saying whether its public key is hashed uncompressed. With `p2tr` it is the
 * internal key: a wallet imports it as `tr(WIF)` and makes BIP-341's tweak itself.
 */
export function wifOf(secret: Uint8Array, { coin, addressType }: Wallet): string {
  const network = networkOf[coin];
  if (addressType !== 'p2pkh') return WIF(network).encode(secret);
  const payload = Uint8Array.of(network.wif, ...secret);
  try {
    return createBase58check(sha256).encode(payload);
  } finally {
    payload.fill(0);
  }
}

function addressIn({ address }: { readonly address?: string }): string {
  if (address === undefined) throw new Error('a payment to a key has an address');
  return address;
}
