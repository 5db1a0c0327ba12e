// A step that fails hands nothing on, so the secrets that it made or opened are zeros once it has: the author's key is away
// just as the step would sign. What the library below hands out is noted, as in wiped.spec.ts.
import { expect, jest, test } from '@jest/globals';
import * as crypto from '@dta/crypto';
import { isWiped, listening } from '@dta/testkit';
import type { Author, OpenSecret } from '../src/index.js';
import type { Node as Party, Parties as AllParties } from './parties.js';

const handedOut: Uint8Array[] = [];

jest.unstable_mockModule('@dta/crypto', () => ({
  ...listening(crypto, handedOut, ['hkdf', 'kemKeyPair', 'scalarToBytes', 'addScalars', 'combineShares', 'hpkeOpen']),
  verifyShare: (group: crypto.Group, points: readonly Uint8Array[], member: number, share: Uint8Array) => {
    handedOut.push(share); // of a Release, it was read from its bytes
    return crypto.verifyShare(group, points, member, share);
  },
}));

const { acceptOrder, confirmOrder, enrolOrder, redeemOrder, releaseShare } = await import('../src/index.js');
const { context, known, Parties } = await import('./parties.js');

/** The author without its signing key. */
const unable = ({ identity, key }: Author): Author => ({
  identity,
  key: { ...key, sign: () => Promise.reject(new Error('the key is away')) },
});

const evidenceOf = (parties: AllParties, verb: 'enrol' | 'accept' | 'confirm' | 'release' | 'redeem') => {
  const to = verb === 'enrol' || verb === 'redeem' ? 'beneficiary' : 1;
  return parties.read(parties.message(verb, to).statements.map(({ bytes }) => bytes));
};

/** Opens a party's secrets, and notes what was opened. */
const opening =
  ({ open }: Party<unknown>): OpenSecret =>
  async (name) => {
    const opened = await open(name);
    handedOut.push(opened);
    return opened;
  };

/** That the step fails for the key, having handed out at least `atLeast` secrets of which nothing is left. */
async function leavesNothing(step: () => Promise<unknown>, atLeast: number): Promise<void> {
  handedOut.length = 0;
  await expect(step()).rejects.toThrow('the key is away');
  expect(handedOut.length).toBeGreaterThanOrEqual(atLeast);
  // of the 64 bytes that an envelope's key and its commitment are, the commitment is public
  const secrets = handedOut.map((bytes) => (bytes.length === 64 ? bytes.subarray(0, 32) : bytes));
  expect(secrets.filter((bytes) => !isWiped(bytes))).toEqual([]);
}

test('enrol: b and the seed of the order’s key', async () => {
  const parties = await Parties.before('enrol', 2);
  const { author } = parties.beneficiary;
  await leavesNothing(() => enrolOrder(undefined, evidenceOf(parties, 'enrol'), context(unable(author))), 3);
});

test.each([1, 2])('accept, of %d fiduciaries: the epoch seed, or the whole share', async (n) => {
  const parties = await Parties.before('accept', n);
  const { author } = parties.fiduciary(1);
  await leavesNothing(() => acceptOrder(undefined, evidenceOf(parties, 'accept'), context(unable(author))), 1);
});

test('confirm: the dealt shares, their sum and the epoch seed', async () => {
  const parties = await Parties.before('confirm', 2);
  const member = parties.fiduciary(1);
  const { attachments } = parties.message('confirm', 1);
  const evidence = evidenceOf(parties, 'confirm');
  const by = context(unable(member.author));
  await leavesNothing(() => confirmOrder(known(member.order), evidence, attachments, opening(member), by), 4);
});

test('release: the share', async () => {
  const parties = await Parties.before('release', 2);
  const member = parties.fiduciary(1);
  const by = context(unable(member.author));
  await leavesNothing(() => releaseShare(known(member.order), evidenceOf(parties, 'release'), opening(member), by), 1);
});

test('redeem: y, b and the seed; and the one that was opened, where the other does not open', async () => {
  const parties = await Parties.of(2);
  parties.held.add('redeem');
  await parties.place();
  await parties.redeem();
  const { beneficiary, releases } = parties;
  const evidence = evidenceOf(parties, 'redeem');
  const redeem = (open: OpenSecret, author: Author) =>
    redeemOrder(known(beneficiary.order), evidence, releases, open, context(author));
  const open = opening(beneficiary);
  await leavesNothing(() => redeem(open, unable(beneficiary.author)), 4);
  const half: OpenSecret = (name) =>
    name.what === 'enrolment-key' ? Promise.reject(new Error('the key is away')) : open(name);
  await leavesNothing(() => redeem(half, beneficiary.author), 1);
});

test('redeem: good shares, b and the seed, where the next Release cannot be read at all', async () => {
  const parties = await Parties.of(2);
  parties.held.add('redeem');
  await parties.place();
  await parties.redeem();
  const { beneficiary, releases } = parties;
  const unreadable = Object.defineProperty(new Uint8Array(), 'length', {
    get: () => {
      throw new Error('the key is away');
    },
  });
  const evidence = evidenceOf(parties, 'redeem');
  const envelopes = [known(releases[0]), unreadable];
  const by = context(beneficiary.author);
  await leavesNothing(() => redeemOrder(known(beneficiary.order), evidence, envelopes, opening(beneficiary), by), 3);
});
