import { describe, expect, test } from '@jest/globals';
import { cidOf, toHex, type Cid } from '@dta/codec';
import {
  addPoints,
  addScalars,
  addVectors,
  combineShares,
  commitPolynomial,
  evaluatePolynomial,
  randomBytes,
  secp256k1,
} from '@dta/crypto';
import { parseEnvelope } from '@dta/envelope';
import fc from 'fast-check';
import { mayBeLogged, publicShare, type Setup } from '../src/index.js';
import { deriveCoefficients, isShareOf } from '../src/deal.js';
import { combineSecret } from '../src/redemption.js';
import { known, Parties } from './parties.js';
import { refusal } from './refusal.js';

const order = cidOf(randomBytes(16));

/** What a joint setup comes to: everyone's share of the sum, and Y = X + b·G. */
function deal(seeds: readonly Uint8Array[], threshold: number, n: number, key: Uint8Array) {
  const polynomials = seeds.map((seed) => deriveCoefficients(secp256k1, seed, order, 0, threshold));
  const vector = addVectors(
    secp256k1,
    polynomials.map((each) => commitPolynomial(secp256k1, each)),
  );
  const shares = Array.from({ length: n }, (_, at) =>
    addScalars(secp256k1, ...polynomials.map((coefficients) => evaluatePolynomial(secp256k1, coefficients, at + 1))),
  );
  const commitment = addPoints(secp256k1, known(vector[0]), secp256k1.publicPoint(key));
  return { shares, setup: { group: secp256k1, vector, commitment } as unknown as Setup }; // all that combining looks at
}

const anySeed = () => fc.uint8Array({ minLength: 64, maxLength: 64 });
const anyKey = () =>
  fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Uint8Array.of(1, ...bytes.slice(1)));

const sizes = Array.from({ length: 8 }, (_, n) =>
  Array.from({ length: n + 1 }, (_, t) => [t + 1, n + 1] as const),
).flat();

describe('a joint secret', () => {
  test.each(sizes)('%i of %i: any t shares and b make the key of Y; fewer, or another b, never', (t, n) => {
    fc.assert(
      fc.property(
        fc.array(anySeed(), { minLength: t, maxLength: n }),
        anyKey(),
        anyKey(),
        fc.shuffledSubarray(
          Array.from({ length: n }, (_, at) => at + 1),
          { minLength: t, maxLength: t },
        ),
        (seeds, key, other, chosen) => {
          const { shares, setup } = deal(seeds, t, n, key);
          const good = new Map(chosen.map((index) => [index, known(shares[index - 1])]));
          expect(secp256k1.publicPoint(combineSecret({ good, bad: [] }, key, setup))).toEqual(setup.commitment);
          const fewer = new Map([...good].slice(1));
          expect(() => combineSecret({ good: fewer, bad: [] }, key, setup)).toThrow(refusal('shares_insufficient'));
          fc.pre(Buffer.from(other).toString('hex') !== Buffer.from(key).toString('hex'));
          expect(() => combineSecret({ good, bad: [] }, other, setup)).toThrow(refusal('release_invalid'));
        },
      ),
      { numRuns: 3 },
    );
  });

  test('each share belongs to one member', () => {
    fc.assert(
      fc.property(fc.constantFrom(...sizes.filter(([t]) => t > 1)), anyKey(), ([t, n], key) => {
        const { shares, setup } = deal([randomBytes(64), randomBytes(64)], t, n, key);
        for (const [at, share] of shares.entries()) {
          expect(secp256k1.publicPoint(share)).toEqual(publicShare(setup, at + 1));
          expect(isShareOf(secp256k1, setup.vector, at + 1, share)).toBe(true);
          expect(isShareOf(secp256k1, setup.vector, ((at + 1) % n) + 1, share)).toBe(false);
        }
      }),
      { numRuns: 8 },
    );
  });

  test('a wrong share among the good is not combined into a wrong key', () => {
    const { shares, setup } = deal([randomBytes(64)], 2, 2, randomBytes(32).fill(1, 0, 1));
    const good = new Map([
      [1, known(shares[0])],
      [2, addScalars(secp256k1, known(shares[1]), known(shares[0]))],
    ]);
    expect(() => combineSecret({ good, bad: [] }, known(shares[0]), setup)).toThrow(refusal('release_invalid'));
  });
});

describe('what some of the parties have together', () => {
  const [t, n] = [3, 5];
  const b = randomBytes(32).fill(1, 0, 1);
  const { shares, setup } = deal([randomBytes(64), randomBytes(64), randomBytes(64)], t, n, b);
  const pooled = (...members: readonly number[]) =>
    members.map((index) => ({ index, share: known(shares[index - 1]) }));

  test('t−1 fiduciaries: no x, also if they know all that P knows, which is points', () => {
    const guess = combineShares(secp256k1, pooled(2, 4));
    expect(secp256k1.publicPoint(guess)).not.toEqual(setup.vector[0]);
    for (const other of [1, 3, 5]) expect(isShareOf(secp256k1, setup.vector, other, guess)).toBe(false);
  });

  test('P and t−1 fiduciaries: any share of a third would fit theirs as well as any other, so they say nothing of x', () => {
    const secrets = [randomBytes(32), randomBytes(32)].map((third) =>
      toHex(combineShares(secp256k1, [...pooled(2, 4), { index: 5, share: third.fill(1, 0, 1) }])),
    );
    expect(new Set(secrets).size).toBe(2);
  });

  test('t or more fiduciaries: x, not y', () => {
    const x = combineShares(secp256k1, pooled(1, 3, 5));
    expect(secp256k1.publicPoint(x)).toEqual(setup.vector[0]);
    expect(secp256k1.publicPoint(x)).not.toEqual(setup.commitment);
  });

  test('a thief of B, with b: not y', () => {
    expect(secp256k1.publicPoint(b)).not.toEqual(setup.commitment);
    expect(() => combineSecret({ good: new Map(), bad: [] }, b, setup)).toThrow(refusal('shares_insufficient'));
  });

  test('B and t fiduciaries: y, without P', () => {
    expect(secp256k1.publicPoint(addScalars(secp256k1, combineShares(secp256k1, pooled(1, 2, 3)), b))).toEqual(
      setup.commitment,
    );
  });
});

test('one with a quantum computer and the whole log, and with every identity key: no share, and no key for one', async () => {
  const parties = await Parties.before('commit', 3);
  const nodes = [...parties.fiduciaries, parties.beneficiary];
  const secrets: Uint8Array[] = nodes.flatMap((node) => node.secrets.map(({ value }) => value.slice()));
  parties.held.clear();
  for (const message of parties.sent.filter(({ addressee }) => addressee.verb === 'commit'))
    await parties.send(message);
  await parties.redeem();
  secrets.push(parties.beneficiary.secret('secret').value);
  expect(secrets).toHaveLength(3 * 2 + 2 + 1); // shares and epoch seeds, b and its KEM seed, y
  const logged = [...parties.statements, ...parties.heard].filter((statement) => mayBeLogged([statement]));
  const attached = parties.sent.flatMap(({ attachments }) => attachments); // travels beside, and is never in the log
  expect(logged.map(({ body }) => body.type)).toEqual(expect.arrayContaining(['deal', 'released', 'receipt']));
  const holds = (bytes: Uint8Array, part: Uint8Array) => Buffer.from(bytes).includes(Buffer.from(part));
  for (const { bytes } of logged) for (const part of [...secrets, ...attached]) expect(holds(bytes, part)).toBe(false);
  // what is not for the log is sealed to a key that the log has only the public half of
  const identities = parties.identities.map(({ keys }) => toHex(keys.kemHash));
  expect(parties.releases).toHaveLength(3);
  for (const release of parties.releases) {
    const { header } = parseEnvelope(release);
    expect(header.log).toBe(false);
    for (const { key } of header.recipients) expect(identities).not.toContain(toHex(key));
  }
});

describe('bytes that are no scalar', () => {
  test('are no share, and stop nobody', () => {
    const { setup } = deal([randomBytes(64)], 2, 3, randomBytes(32).fill(1, 0, 1));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.constant(new Uint8Array(32).fill(0xff))), (bytes) => {
        expect(isShareOf(secp256k1, setup.vector, 1, bytes)).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  test('but a vector that holds no point is an error', () => {
    expect(() => isShareOf(secp256k1, [new Uint8Array(33)], 1, new Uint8Array(32))).toThrow(refusal('point_invalid'));
  });
});

describe('a whole order, at random', () => {
  const random = fc.sample(fc.constantFrom(...sizes.filter(([, n]) => n > 1 && n < 7)), 3);

  test.each(random)('%i of %i, with as many down as may be', async (threshold, n) => {
    const parties = await Parties.of(n);
    await parties.place({ threshold, single: threshold === 1 });
    const down = parties.fiduciaries.slice(threshold).map(({ author }): Cid => author.identity.cid);
    await parties.redeem(new Set(down));
    expect(parties.order.state).toBe('released');
    expect(secp256k1.publicPoint(parties.beneficiary.secret('secret').value)).toEqual(parties.order.commitment);
  });
});
