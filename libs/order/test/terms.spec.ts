import { beforeAll, describe, expect, test } from '@jest/globals';
import { kemKeyPair, randomBytes } from '@dta/crypto';
import { createIdentity, softwareSigningKey } from '@dta/identity';
import { checkTerms, requestStatement, signRequest, type Author, type TermsInput } from '../src/index.js';
import { restate } from './forge.js';
import { author, known, NOW, Parties, successor } from './parties.js';
import { refusal } from './refusal.js';

const DAY = 24 * 60 * 60_000;

let parties: Parties;
let fiduciaries: Author[];

beforeAll(async () => {
  parties = await Parties.of(4);
  fiduciaries = parties.fiduciaries.map((node) => node.author);
});

const cids = (authors: readonly Author[]) => authors.map(({ identity }) => identity.cid);

const request = (terms: Partial<TermsInput> = {}) =>
  signRequest(
    {
      plugin: 'milagro',
      fiduciaries: cids(fiduciaries.slice(0, 3)),
      beneficiary: parties.beneficiary.author.identity.cid,
      ...terms,
    },
    parties.principal,
    parties.directory,
    NOW,
  );

/** What every other node says to terms that an honest principal would not have signed. */
async function check(said: Parameters<typeof restate<typeof requestStatement>>[3]): Promise<void> {
  checkTerms(await restate(requestStatement, await request(), parties.principal, said), parties.directory);
}

describe('defaults', () => {
  test.each([
    [1, 1, 1],
    [2, 2, 2],
    [3, 2, 3],
    [4, 3, 4],
  ])('of %i fiduciaries the threshold is %i, and %i deal', async (n, threshold, minDealers) => {
    const { body } = await request({ fiduciaries: cids(fiduciaries.slice(0, n)) });
    expect(body).toMatchObject({ threshold, minDealers, minThreshold: threshold, single: false });
  });

  test('minDealers is 2t − 1, but at least t and at most n', async () => {
    const of = async (threshold: number, n: number) =>
      (await request({ threshold, single: threshold === 1, fiduciaries: cids(fiduciaries.slice(0, n)) })).body
        .minDealers;
    expect([await of(1, 4), await of(2, 4), await of(3, 4), await of(4, 4)]).toEqual([1, 3, 4, 4]);
  });

  test('15 minutes to set up, kept without end, a week to object', async () => {
    expect((await request()).body).toMatchObject({
      createdAt: NOW,
      setupBy: NOW + 15 * 60_000,
      keepUntil: null,
      cancelDelay: 7 * DAY,
      rules: null,
      realm: null,
      order: null,
    });
  });
});

describe('terms that fit one another', () => {
  test.each([
    ['one of several, said to be single', { threshold: 1, single: true }],
    ['as many dealers as members', { minDealers: 3 }],
    ['as few dealers as the threshold', { threshold: 2, minDealers: 2 }],
    ['set up in a week', { setupBy: NOW + 7 * DAY }],
    ['kept a moment beyond setup', { setupBy: NOW + 1_000, keepUntil: NOW + 1_001 }],
  ])('%s', async (_, terms) => {
    await expect(request(terms)).resolves.toMatchObject({ body: terms });
  });
});

describe('terms_invalid', () => {
  test.each([
    ['threshold above n', 'threshold 4', { threshold: 4 }],
    ['threshold above n and minDealers not', 'threshold 4', { threshold: 4, minDealers: 3 }],
    ['threshold 1 of several without single', 'say single', { threshold: 1, minDealers: 1 }],
    ['fewer dealers than the threshold', 'minDealers', { threshold: 3, minDealers: 2 }],
    ['more dealers than there are fiduciaries', 'minDealers', { minDealers: 4 }],
    ['minThreshold above n', 'minThreshold', { minThreshold: 4 }],
    ['setup over before it begins', 'setupBy', { setupBy: NOW }],
    ['setup for more than a week', '7 days', { setupBy: NOW + 7 * DAY + 1 }],
    ['kept for less than the setup', 'keepUntil', { setupBy: NOW + 1_000, keepUntil: NOW + 1_000 }],
    ['no principal', 'principal', { issuer: null }],
  ])('%s', async (_, words, said) => {
    await expect(check(said)).rejects.toThrow(refusal('terms_invalid', words));
  });

  test('an extension so large that its redemption might not fit into an envelope', async () => {
    const withText = (length: number) => ({ extension: { text: 'x'.repeat(length) } });
    const rest = (await request(withText(1_000))).bytes.length - 1_000;
    await expect(request(withText(16 * 1024 - rest))).resolves.toBeDefined();
    await expect(request(withText(16 * 1024 - rest + 1))).rejects.toThrow(refusal('terms_invalid', '16384 bytes'));
    await expect(check(withText(20_000))).rejects.toThrow(refusal('terms_invalid', '16384 bytes'));
  });

  test.each([
    ['threshold 4', { threshold: 4 }],
    ['minDealers', { minDealers: 4 }],
    ['after the order is made', { setupBy: NOW }],
    ['at most 7 days', { setupBy: NOW + 7 * DAY + 1 }],
  ])('a principal does not sign what it would be refused for: %s', async (words, terms) => {
    const { identity, key } = parties.principal;
    let signed = 0;
    const sign: typeof key.sign = async (message) => ((signed += 1), key.sign(message));
    const { cid: beneficiary } = parties.beneficiary.author.identity;
    const input = { plugin: 'milagro', fiduciaries: cids(fiduciaries.slice(0, 3)), beneficiary, ...terms };
    const author = { identity, key: { ...key, sign } };
    await expect(signRequest(input, author, parties.directory, NOW)).rejects.toThrow(refusal('terms_invalid', words));
    expect(signed).toBe(0);
  });

  test('the same fiduciary twice', async () => {
    const [first = parties.principal.identity.cid, second = first] = cids(fiduciaries);
    await expect(request({ fiduciaries: [first, second, first] })).rejects.toThrow(refusal('terms_invalid', 'chains'));
  });

  test('two documents of one chain', async () => {
    const fourth = known(fiduciaries[3]);
    const [{ identity }, { identity: rotated }] = [fourth, await successor(fourth)];
    parties.directory.add([rotated.bytes]);
    await expect(request({ fiduciaries: [identity.cid, rotated.cid] })).rejects.toThrow(
      refusal('terms_invalid', 'chains'),
    );
  });

  test.each(['sign', 'kem'] as const)('two chains with one %s key', async (which) => {
    const signing = randomBytes(32);
    const { publicKey } = await kemKeyPair();
    const twin = async (name: string) => {
      const kem = which === 'kem' ? publicKey : (await kemKeyPair()).publicKey;
      const key = softwareSigningKey(which === 'sign' ? signing : randomBytes(32));
      return createIdentity({ name, roles: ['fiduciary'], kem, now: NOW }, key);
    };
    const twins = await Promise.all(['one', 'two'].map(twin));
    parties.directory.add(twins.map(({ bytes }) => bytes));
    await expect(request({ fiduciaries: twins.map(({ cid }) => cid) })).rejects.toThrow(
      refusal('terms_invalid', 'keys'),
    );
  });

  test('parties in roles that they have not', async () => {
    const [fiduciary = parties.principal] = fiduciaries;
    const { cid } = fiduciary.identity;
    await expect(check({ beneficiary: cid })).rejects.toThrow(refusal('terms_invalid', 'not a beneficiary'));
    await expect(check({ issuer: cid })).rejects.toThrow(refusal('terms_invalid', 'not a principal'));
    const named = [...cids(fiduciaries.slice(0, 2)), parties.beneficiary.author.identity.cid];
    await expect(check({ fiduciaries: named })).rejects.toThrow(refusal('terms_invalid', 'not a fiduciary'));
  });
});

test('a rule that nobody here evaluates: rule_unsupported', async () => {
  const rules = { notBefore: null, maxReleases: 3, waitSeconds: null };
  await expect(request({ rules })).rejects.toThrow(refusal('rule_unsupported'));
  await expect(check({ rules })).rejects.toThrow(refusal('rule_unsupported'));
  await expect(check({ rules: { ...rules, maxReleases: null } })).rejects.toThrow(refusal('rule_unsupported'));
});

test('a party whose document is not at hand: identity_not_found', async () => {
  const stranger = await author('stranger', 'beneficiary');
  await expect(check({ beneficiary: stranger.identity.cid })).rejects.toThrow(refusal('identity_not_found'));
});
