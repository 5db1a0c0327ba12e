// Ed25519 keys that docs/protocol.md §2 doesn't admit. Points of small order and their other encodings: Chalkias,
// Garillot and Nikolaenko, "Taming the many EdDSAs" (2020), Table 6.
import { createHash } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { fromHex, toHex } from '@dta/codec';
import type { SigningKey } from '@dta/identity';

const { Point } = ed25519;
const order = Point.Fn.ORDER;
const minusOne = `ec${'ff'.repeat(30)}7f`;

/** By what is wrong with them. */
export const weakKeys: readonly [what: string, key: SigningKey][] = [
  ['the identity', smallOrder(`01${'00'.repeat(31)}`)],
  ['order 2', smallOrder(minusOne)],
  ['order 4', smallOrder('00'.repeat(32))],
  ['order 8', smallOrder('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a')],
  ['the identity, not canonical: y = p + 1', smallOrder(`ee${'ff'.repeat(30)}7f`)],
  ['the identity, not canonical: x = −0', smallOrder(`01${'00'.repeat(30)}80`)],
  ['order 4, not canonical: y = p', smallOrder(`ed${'ff'.repeat(30)}7f`)],
  ['mixed order, whose signatures verify', mixedOrder()],
];

/** Signs by R = identity and S = 0, which needs no secret. */
function smallOrder(encoded: string): SigningKey {
  const signature = fromHex(`01${'00'.repeat(63)}`);
  return { publicKey: fromHex(encoded), sign: async () => signature };
}

/** Signs under a·B + T with T of order 2: valid even without cofactor whenever the challenge is even. */
function mixedOrder(): SigningKey {
  const secret = 123_456_789n;
  const publicKey = Point.BASE.multiply(secret)
    .add(Point.fromBytes(fromHex(minusOne), true))
    .toBytes();
  return {
    publicKey,
    sign: async (message) => {
      for (let nonce = 1n; ; nonce++) {
        const commitment = Point.BASE.multiply(nonce).toBytes();
        const challenge = challengeOf(commitment, publicKey, message);
        if (challenge % 2n === 0n) return signature(commitment, (nonce + challenge * secret) % order);
      }
    },
  };
}

/** SHA-512(R ‖ A ‖ M) mod L (RFC 8032 §5.1.7). */
function challengeOf(commitment: Uint8Array, publicKey: Uint8Array, message: Uint8Array): bigint {
  const digest = createHash('sha512').update(commitment).update(publicKey).update(message).digest();
  return BigInt(`0x${toHex(digest.reverse())}`) % order;
}

function signature(commitment: Uint8Array, scalar: bigint): Uint8Array {
  const littleEndian = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex').reverse();
  return Uint8Array.from([...commitment, ...littleEndian]);
}
