// Copies of secrets that a step makes on its way are zeros once it has ended. What the libraries below hand out is noted:
// these modules are taken as they are, with an ear on what they return.
import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import * as codec from '@dta/codec';
import * as crypto from '@dta/crypto';
import { holds, isWiped, listening } from '@dta/testkit';
import type { Request } from '../src/index.js';

const handedOut: Uint8Array[] = [];

jest.unstable_mockModule('@dta/codec', () =>
  listening(codec, handedOut, ['encodeCanonical', 'encodeDocument', 'padToPadme', 'unpadPadme', 'decodeCanonical']),
);
jest.unstable_mockModule('@dta/crypto', () =>
  listening(crypto, handedOut, ['hkdf', 'kemKeyPair', 'aeadOpen', 'hpkeOpen']),
);

const { openEnvelope, parseEnvelope, sealEnvelope } = await import('@dta/envelope');
const { createIdentity, softwareSigningKey } = await import('@dta/identity');
const { dealerKeySeed, signAcceptance } = await import('../src/acceptance.js');
const { deriveCoefficients } = await import('../src/deal.js');
const { deriveEnrolmentKeys, signEnrolment } = await import('../src/enrolment.js');
const { signStatement } = await import('@dta/identity');
const { releaseStatement } = await import('../src/statements.js');

const NOW = 1_700_000_000_000;
const order = codec.cidOf(Uint8Array.of(1));
const secret = Uint8Array.from({ length: 32 }, (_, at) => 100 + at);

async function newAuthor() {
  const { publicKey: kem, seed } = await crypto.kemKeyPair();
  const key = softwareSigningKey(crypto.randomBytes(32));
  const identity = await createIdentity({ name: 'node', roles: ['fiduciary'], kem, now: NOW }, key);
  return { identity, key, kem: await crypto.openKem(seed) };
}

beforeEach(() => {
  handedOut.length = 0;
});

describe('is wiped:', () => {
  test('what coefficients are derived from, and what the key of an order is', () => {
    expect(deriveCoefficients(crypto.secp256k1, crypto.randomBytes(64), order, 0, 3).some(isWiped)).toBe(false);
    const { key, seed } = deriveEnrolmentKeys(crypto.secp256k1, crypto.randomBytes(64), order);
    expect([isWiped(key), isWiped(seed)]).toEqual([false, false]);
    const left = handedOut.filter((bytes) => !isWiped(bytes));
    expect(handedOut).toHaveLength(5); // three, b and the seed
    expect(left).toEqual([seed]);
  });

  test('the seed of each key that an Acceptance makes for a dealer', async () => {
    const author = await newAuthor();
    const [epochSeed, setup] = [
      crypto.randomBytes(32),
      { enrolment: { cid: order, body: { order } }, epoch: 0, mode: 'new', base: null, consent: null },
    ];
    handedOut.length = 0;
    await signAcceptance(setup as never, epochSeed, [1, 2, 3], author, NOW); // all that it reads of a setup
    const seeds = handedOut.filter(({ length }) => length === 32);
    expect(seeds).toHaveLength(6); // as it was derived, and the copy beside the public key
    expect(seeds.every(isWiped)).toBe(true);
    expect(isWiped(epochSeed) || isWiped(dealerKeySeed(epochSeed, 1))).toBe(false);
  });

  test('the copy of an order’s seed that comes with its public key', async () => {
    const author = await newAuthor();
    const keys = deriveEnrolmentKeys(crypto.secp256k1, crypto.randomBytes(64), order);
    handedOut.length = 0;
    const request = { cid: order, body: { group: 'secp256k1' } } as Request; // all that it reads of one
    await signEnrolment(request, keys, author.identity.cid, author, NOW);
    expect(handedOut.some((bytes) => holds(bytes, keys.seed))).toBe(false);
    expect(handedOut.filter(isWiped).map(({ length }) => length)).toContain(32);
  });

  test('the plaintext of an envelope and of a statement in it, at whoever seals and at whoever opens', async () => {
    const author = await newAuthor();
    const said = { issuer: author.identity.cid, order, createdAt: NOW, redemption: order, transcript: secret };
    const release = await signStatement(releaseStatement, { ...said, epoch: 0, index: 1, share: secret }, [author.key]);
    const kept = handedOut.filter((bytes) => holds(bytes, secret));
    expect(kept).toEqual([release.bytes]); // the caller's

    handedOut.length = 0;
    const { bytes } = await sealEnvelope(
      {
        ...{ sender: author.identity, from: 'fiduciary', order, prev: [], log: false, now: NOW },
        recipients: [{ id: order, role: 'beneficiary', kem: author.identity.keys.kem }],
        statements: [release.bytes],
      },
      author.key,
    );
    expect(handedOut.some((copy) => holds(copy, secret))).toBe(false);
    expect(handedOut.filter(isWiped).map(({ length }) => length)).toContain(release.bytes.length + 4); // in a list
    crypto.wipe(release.bytes);

    handedOut.length = 0;
    const { kemHash: keyHash } = author.identity.keys;
    const opener = { id: order, role: 'beneficiary', keyHash, key: author.kem } as const;
    const statements = await openEnvelope(parseEnvelope(bytes), [opener]);
    expect(statements.map((statement) => holds(statement, secret))).toEqual([true]);
    expect(handedOut.filter((copy) => holds(copy, secret))).toEqual(statements);
  });
});
