// Ed25519 keys that docs/protocol.md §2 doesn't admit although signatures under them verify. Points of small order:
// Chalkias, Garillot and Nikolaenko, "Taming the many EdDSAs" (2020), Table 6.
import { createHash } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { fromHex, toHex } from '@dta/codec';
import type { SigningKey } from '@dta/identity';

const { Point } = ed25519;
const order = Point.Fn.ORDER;
const identity = `01${'00'.repeat(31)}`;
const minusOne = `ec${'ff'.repeat(30)}7f`;
const order8 = 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a';

/** Encodings that aren't admitted, by what is wrong with them. */
export const weakKeys: readonly [what: string, key: SigningKey][] = [
  ['the identity', smallOrder(identity)],
  ['order 2', smallOrder(minusOne)],
  ['order 8', smallOrder(order8)],
  ['the identity, not canonical: y = p + 1', smallOrder(`ee${'ff'.repeat(30)}7f`)],
  ['the identity, not canonical: x = −0', smallOrder(`01${'00'.repeat(30)}80`)],
  ['y = p, not canonical', smallOrder(`ed${'ff'.repeat(30)}7f`)],
  ['mixed order: a·B and a point of order 2', mixedOrder()],
];

/** Signs without a secret: S = 0 and R = −k·A, which some k makes one of A's few multiples. */
function smallOrder(encoded: string): SigningKey {
  const publicKey = fromHex(encoded);
  const point = Point.fromBytes(publicKey, true);
  return {
    publicKey,
    sign: async (message) => {
      for (let j = 0n; j < 8n; j++) {
        const commitment = times(point, j).toBytes();
        const challenge = challengeOf(commitment, publicKey, message);
        if (
          times(point, challenge % 8n)
            .negate()
            .equals(times(point, j))
        )
          return signature(commitment, 0n);
      }
      return signature(Point.ZERO.toBytes(), 0n); // no luck with this message; callers draw another nonce
    },
  };
}

/** Signs under a·B + T with T of order 2: valid without cofactor whenever k is even. */
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

function times(point: InstanceType<typeof Point>, factor: bigint) {
  return factor === 0n ? Point.ZERO : point.multiplyUnsafe(factor);
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
