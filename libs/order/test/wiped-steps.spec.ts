// What a step of the order opens, computes and doesn't store is zeros once it has ended. What custody and the libraries below
// hand out is noted.
import { beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import * as codec from '@dta/codec';
import * as crypto from '@dta/crypto';
import { isWiped, listening } from '@dta/testkit';

const noted: Uint8Array[] = [];

jest.unstable_mockModule('@dta/codec', () => ({
  ...codec,
  decodeCanonical: (...inputs: Parameters<typeof codec.decodeCanonical>) => {
    const value = codec.decodeCanonical(...inputs);
    if (Array.isArray(value)) noted.push(...value.filter((one) => one instanceof Uint8Array)); // opened statements
    const share = (value as { body?: { share?: Uint8Array } } | null)?.body?.share; // of a Release
    if (share !== undefined) noted.push(share);
    return value;
  },
}));
jest.unstable_mockModule('@dta/crypto', () =>
  listening(crypto, noted, ['hpkeOpen', 'evaluatePolynomial', 'scalarToBytes', 'addScalars', 'combineShares']),
);

const { redeemOrder, redemptionStatement } = await import('../src/index.js');
const { openReleases } = await import('../src/redemption.js');
const { context, known, Parties, setupIn } = await import('./parties.js');

type Parties = InstanceType<typeof Parties>;

/** Notes what custody opens for a node from now on. */
function listenTo(node: { open: Parties['beneficiary']['open'] }): void {
  const { open } = node;
  node.open = async (name) => {
    const opened = await open(name);
    noted.push(opened);
    return opened;
  };
}

/** What was noted and isn't wiped, but for what the step hands out to be stored. */
const left = (secrets: readonly { value: Uint8Array }[] = []) =>
  noted.filter((bytes) => !isWiped(bytes) && !secrets.some(({ value }) => value === bytes));

beforeEach(() => {
  noted.length = 0;
});

describe('nothing is left of', () => {
  test('a polynomial and its shares, at the dealer', async () => {
    const parties = await Parties.before('deal', 3);
    noted.length = 0;
    await parties.ask(parties.message('deal', 1));
    expect(noted.length).toBeGreaterThanOrEqual(2 + 3); // coefficients and shares
    expect(left()).toEqual([]);
  });

  test('the shares that a member adds up, and the key that opens them', async () => {
    const parties = await Parties.before('confirm', 3);
    const node = parties.fiduciary(1);
    listenTo(node);
    noted.length = 0;
    await parties.send(parties.message('confirm', 1));
    expect(noted.length).toBeGreaterThanOrEqual(1 + 3);
    expect(left(node.secrets)).toEqual([]);
  });

  test('a share that does not fit its dealer', async () => {
    const parties = await Parties.before('confirm', 2);
    const message = parties.message('confirm', 1);
    const evidence = parties.read(message.statements.map(({ bytes }) => bytes));
    const { openShare } = await import('../src/deal.js');
    const { dealStatement } = await import('../src/index.js');
    const deal = known(evidence.all(dealStatement)[1]);
    const [other] = evidence.all(dealStatement);
    const swapped = { ...deal, body: { ...deal.body, points: known(other).body.points } };
    const seed = parties.fiduciary(1).secret('epoch-seed').value;
    noted.length = 0;
    const opened = openShare(crypto.secp256k1, swapped, 1, seed, message.attachments);
    await expect(opened).rejects.toMatchObject({ code: 'deal_invalid' });
    expect(noted.length).toBeGreaterThanOrEqual(1);
    expect(left()).toEqual([]);
  });

  test('a share that is released, at the member', async () => {
    const parties = await Parties.before('release', 2);
    listenTo(parties.fiduciary(1));
    noted.length = 0;
    await parties.ask(parties.message('release', 1));
    expect([noted.length > 0, left()]).toEqual([true, []]);
  });
});

describe('at the beneficiary nothing is left of', () => {
  let parties: Parties;
  let redeem: (
    releases: readonly Uint8Array[],
    open?: Parties['beneficiary']['open'],
  ) => ReturnType<typeof redeemOrder>;

  beforeAll(async () => {
    parties = await Parties.before('redeem', 3);
    listenTo(parties.beneficiary);
    const evidence = parties.read(parties.message('redeem', 'beneficiary').statements.map(({ bytes }) => bytes));
    const { order, author, open } = parties.beneficiary;
    redeem = (releases, opening = open) => redeemOrder(known(order), evidence, releases, opening, context(author));
  });

  test('the Releases, their shares and its own keys, however often a member has released', async () => {
    const [first, ...others] = parties.releases.map((bytes) => known(bytes));
    const { secrets } = await redeem([known(first), known(first), ...others]);
    expect(noted.length).toBeGreaterThanOrEqual(2 + 4 * 2);
    expect(left(secrets)).toEqual([]);
  });

  test('shares of another Redemption, and those that do not lie on the certified polynomial', async () => {
    const evidence = parties.read(parties.message('redeem', 'beneficiary').statements.map(({ bytes }) => bytes));
    const [redemption, setup] = [evidence.one(redemptionStatement), setupIn(evidence)];
    const seed = Uint8Array.from(parties.beneficiary.secret('enrolment-seed').value);
    const cases = [
      { redemption: { ...redemption, cid: parties.order.ref }, setup, bad: 0 },
      { redemption, setup: { ...setup, vector: setup.vector.map(() => known(setup.vector[1])) }, bad: 3 },
    ];
    for (const { bad, ...said } of cases) {
      noted.length = 0;
      const found = await openReleases(parties.releases, said.redemption, said.setup, seed, evidence);
      expect([found.good.size, found.bad.length]).toEqual([0, bad]);
      expect(noted.length).toBeGreaterThanOrEqual(3 * 2); // each Release and its share
      expect(left()).toEqual([]);
    }
  });

  test('shares that make no key of this order', async () => {
    const { open } = parties.beneficiary;
    const other = crypto.randomBytes(32).fill(1, 0, 1);
    const swapped: typeof open = async (name) => (name.what === 'enrolment-key' ? other : open(name));
    await expect(redeem(parties.releases, swapped)).rejects.toMatchObject({ code: 'release_invalid' });
    expect([left(), isWiped(other)]).toEqual([[], true]);
  });
});
