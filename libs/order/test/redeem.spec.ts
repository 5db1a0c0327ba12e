import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Cid } from '@dta/codec';
import { randomBytes, secp256k1 } from '@dta/crypto';
import { sealEnvelope, type NewEnvelope } from '@dta/envelope';
import { IdentityDirectory, signStatement, type SigningKey, type StatementOf } from '@dta/identity';
import {
  commitmentStatement,
  confirmationStatement,
  enrolmentStatement,
  redeemOrder,
  redemptionStatement,
  releaseStatement,
  type Author,
  type BeneficiaryOrder,
  type Outcome,
} from '../src/index.js';
import { openReleases } from '../src/redemption.js';
import { anyHash, flipped, replaced, restate, without } from './forge.js';
import { author, context, known, NOW, Parties, type Node, type Sent, setupIn } from './parties.js';
import { refusal } from './refusal.js';

type Release = StatementOf<typeof releaseStatement>;

let parties: Parties;
let message: Sent;
/** the honest Releases of F1, F2 and F3 */
let honest: readonly Uint8Array[];

beforeAll(async () => {
  parties = await Parties.before('redeem', 3);
  message = parties.message('redeem', 'beneficiary');
  honest = [...parties.releases];
});

const readMessage = () => parties.read(message.statements.map(({ bytes }) => bytes));

function redeem(releases: readonly Uint8Array[], evidence = readMessage()): Promise<Outcome<BeneficiaryOrder>> {
  const { order, open, author } = parties.beneficiary;
  return redeemOrder(known(order), evidence, releases, open, context(author));
}

const receiptOf = ({ reply }: Outcome<BeneficiaryOrder>) => known(reply[0]).body;
const secretOf = ({ secrets }: Outcome<BeneficiaryOrder>) => known(secrets[0]).value;

/** What a fiduciary may sign and seal in the place of its Release. */
async function release(
  by: Author,
  said: Partial<Release['body']> = {},
  sealed: Partial<NewEnvelope> = {},
  more: readonly Uint8Array[] = [],
  keys = { statement: by.key, envelope: by.key },
): Promise<{ cid: Cid; envelope: Uint8Array }> {
  const { body: enrolment } = parties.evidence.one(enrolmentStatement);
  const redemption = parties.evidence.one(redemptionStatement);
  const { transcript } = redemption.body;
  const index = parties.fiduciaries.findIndex(({ author }) => author === by) + 1;
  const statement = await signStatement(
    releaseStatement,
    {
      issuer: by.identity.cid,
      order: parties.order.ref,
      createdAt: NOW,
      redemption: redemption.cid,
      transcript,
      epoch: 0,
      index: Math.max(index, 1),
      share: Uint8Array.from(parties.fiduciary(Math.max(index, 1)).secret('share').value),
      ...said,
    },
    [keys.statement],
  );
  const { bytes } = await sealEnvelope(
    {
      sender: by.identity,
      from: 'fiduciary',
      order: parties.order.ref,
      prev: [],
      log: false,
      recipients: [{ id: parties.beneficiary.author.identity.cid, role: 'beneficiary', kem: enrolment.kem }],
      statements: [statement.bytes, ...more],
      now: NOW,
      ...sealed,
    },
    keys.envelope,
  );
  return { cid: statement.cid, envelope: bytes };
}

const byF3 = (said: Partial<Release['body']>, sealed: Partial<NewEnvelope> = {}) =>
  release(parties.fiduciary(3).author, said, sealed);

test('any two of three good Releases make the private key of Y', async () => {
  const [one, two, three] = honest.map((bytes) => known(bytes));
  for (const [releases, good] of [
    [
      [one, two],
      [1, 2],
    ],
    [
      [three, one],
      [1, 3],
    ],
    [
      [two, three],
      [2, 3],
    ],
    [
      [two, two, one],
      [1, 2],
    ],
    [
      [three, two, one],
      [1, 2, 3],
    ],
  ] as const) {
    const outcome = await redeem(releases.map((bytes) => known(bytes)));
    expect(secp256k1.publicPoint(secretOf(outcome))).toEqual(parties.order.commitment);
    expect(receiptOf(outcome)).toMatchObject({ type: 'receipt', good, bad: [] });
    expect(outcome.erase).toEqual(['enrolment-seed', 'enrolment-key']);
  }
});

test('fewer than the threshold: shares_insufficient, with what there was', async () => {
  await expect(redeem([])).rejects.toThrow(refusal('shares_insufficient', '', { threshold: 2 }));
  await expect(redeem(honest.slice(1, 2))).rejects.toThrow(
    refusal('shares_insufficient', '', { good: [2], bad: [], threshold: 2 }),
  );
});

describe('who releases a wrong share', () => {
  test.each([
    ['another scalar', () => randomBytes(32).fill(1, 0, 1)],
    ["another member's", () => Uint8Array.from(parties.fiduciary(1).secret('share').value)],
    ['zero', () => new Uint8Array(32)],
    ['no scalar, which would stop whoever computes with it', () => new Uint8Array(32).fill(0xff)],
  ] as const)('is named by its own signature, and the order is redeemed without it: %s', async (_, share) => {
    const { cid, envelope } = await byF3({ share: share() });
    for (const releases of [
      [envelope, ...honest.slice(0, 2)],
      [...honest.slice(0, 2), envelope],
    ]) {
      const outcome = await redeem(releases);
      expect(receiptOf(outcome)).toMatchObject({ good: [1, 2], bad: [[3, cid]] });
      expect(secp256k1.publicPoint(secretOf(outcome))).toEqual(parties.order.commitment);
    }
  });

  test('is named once, however often it does', async () => {
    const wrong = await Promise.all([1, 2, 3].map(() => byF3({ share: randomBytes(32).fill(1, 0, 1) })));
    const outcome = await redeem([...wrong.map(({ envelope }) => envelope), ...honest.slice(0, 2)]);
    expect(receiptOf(outcome)).toMatchObject({ good: [1, 2], bad: [[3, wrong[2]?.cid]] });
  });

  test('and then the right one, is both', async () => {
    const { cid, envelope } = await byF3({ share: new Uint8Array(32) });
    const outcome = await redeem([envelope, ...honest]);
    expect(receiptOf(outcome)).toMatchObject({ good: [1, 2, 3], bad: [[3, cid]] });
  });

  test('are named in their order, where there are two', async () => {
    const zero = { share: new Uint8Array(32) };
    const [third, second] = [await byF3(zero), await release(parties.fiduciary(2).author, zero)];
    const { value } = parties.beneficiary.secret('enrolment-seed');
    const evidence = readMessage();
    const redemption = parties.evidence.one(redemptionStatement);
    const envelopes = [third.envelope, second.envelope];
    const { bad } = await openReleases(envelopes, redemption, setupIn(evidence), value, evidence);
    expect(bad).toEqual([
      [2, second.cid],
      [3, third.cid],
    ]);
  });

  test('stops it where too few good ones are left', async () => {
    const { envelope } = await byF3({ share: new Uint8Array(32) });
    await expect(redeem([known(honest[0]), envelope])).rejects.toThrow(
      refusal('shares_insufficient', '', { good: [1], bad: [3], threshold: 2 }),
    );
  });
});

describe('what is no Release of this Redemption proves nothing about anyone and is left out:', () => {
  const stranger = async () => {
    const other = await author('another', 'fiduciary');
    parties.directory.add([other.identity.bytes]);
    return other;
  };
  test.each([
    ['of another Redemption', () => byF3({ redemption: parties.order.ref })],
    ['of another order', () => byF3({ order: parties.evidence.one(enrolmentStatement).cid })],
    ['in an envelope of another order', () => byF3({}, { order: parties.evidence.one(enrolmentStatement).cid })],
    ['of another epoch', () => byF3({ epoch: 1 })],
    ['of another transcript', () => byF3({ transcript: anyHash() })],
    ['of another member', () => byF3({ index: 1 })],
    ['by a fiduciary of other orders', async () => release(await stranger(), { index: 3 })],
    ['signed by another key', async () => withKeys({ statement: parties.fiduciary(1).author.key })],
    ['in an envelope signed by another key', async () => withKeys({ envelope: parties.fiduciary(1).author.key })],
    ['by the principal', () => release(parties.principal, { index: 3 }, { from: 'principal' })],
    ['in the name of a member', () => byF3({ issuer: parties.fiduciary(1).author.identity.cid, index: 1 })],
    ['in the name of a member, under its own index', () => byF3({ issuer: parties.fiduciary(1).author.identity.cid })],
    ['that the log may keep', () => byF3({}, { log: true })],
    ['dated ahead', () => byF3({ createdAt: NOW + 120_001 })],
    ['in an envelope dated ahead', () => byF3({}, { now: NOW + 120_001 })],
    ['to another role', () => byF3({}, { recipients: recipients({ role: 'principal' }) })],
    ["to B's identity key", () => byF3({}, { recipients: recipients(parties.beneficiary.author.identity.keys) })],
    ['with another statement', async () => release(parties.fiduciary(3).author, {}, {}, [parties.order.ref].map(text))],
    ['altered on its way', async () => ({ envelope: flipped(known(honest[2])) })],
    ['cut short', async () => ({ envelope: known(honest[2]).slice(0, -1) })],
    ['of no bytes', async () => ({ envelope: new Uint8Array() })],
    ['of any bytes', async () => ({ envelope: randomBytes(2_000) })],
  ] as const)('%s', async (_, make) => {
    const { envelope } = await make();
    const outcome = await redeem([envelope, ...honest.slice(0, 2)]);
    expect(receiptOf(outcome)).toMatchObject({ good: [1, 2], bad: [] });
    await expect(redeem([envelope, known(honest[0])])).rejects.toThrow(
      refusal('shares_insufficient', '', { good: [1], bad: [] }),
    );
  });

  const withKeys = (keys: Partial<Record<'statement' | 'envelope', SigningKey>>) => {
    const { author } = parties.fiduciary(3);
    return release(author, {}, {}, [], { statement: author.key, envelope: author.key, ...keys });
  };
  const text = (cid: string) => new TextEncoder().encode(cid);
  const recipients = (said: { role?: 'principal'; kem?: Uint8Array }): NewEnvelope['recipients'] => {
    const { kem } = parties.evidence.one(enrolmentStatement).body;
    const own = { id: parties.beneficiary.author.identity.cid, role: 'beneficiary', kem } as const;
    return [{ ...own, ...(said.role && { role: said.role }), ...(said.kem && { kem: said.kem }) }];
  };

  test('by a fiduciary that is no member', async () => {
    const evidence = readMessage();
    const redemption = parties.evidence.one(redemptionStatement);
    const { value } = parties.beneficiary.secret('enrolment-seed');
    const setup = { ...setupIn(evidence), members: [1, 2] };
    const { envelope } = await byF3({ share: new Uint8Array(32) });
    const { good, bad } = await openReleases([...honest, envelope], redemption, setup, value, evidence);
    expect([[...good.keys()], bad]).toEqual([[1, 2], []]);
  });

  test('by whom its chain no longer speaks', async () => {
    const directory = new IdentityDirectory({ below: parties.directory });
    directory.revoke(parties.fiduciary(3).author.identity.cid);
    const evidence = parties.read(message.statements.map(({ bytes }) => bytes));
    const stored = new Set(evidence.statements.map(({ cid }) => cid));
    const aside = Object.defineProperty(parties.but({}), 'verifier', { value: { directory, stored, now: NOW } });
    const revoked = aside.read(message.statements.map(({ bytes }) => bytes));
    await expect(redeem(honest.slice(1), revoked)).rejects.toThrow(
      refusal('shares_insufficient', '', { good: [2], bad: [] }),
    );
  });
});

describe('B redeems', () => {
  test('for nobody but the principal of the order, and of the certificate that it is shown', async () => {
    const redemption = parties.evidence.one(redemptionStatement);
    const offer = async (by: Author, said: Partial<(typeof redemption)['body']> = {}) =>
      parties.ask(replaced(message, redemption, await restate(redemptionStatement, redemption, by, said)));
    await expect(offer(parties.fiduciary(1).author)).rejects.toThrow(refusal('signature_invalid'));
    await expect(offer(parties.principal, { epoch: 1 })).rejects.toThrow(refusal('certificate_invalid'));
    await expect(offer(parties.principal, { transcript: anyHash() })).rejects.toThrow(refusal('certificate_invalid'));
    await expect(offer(parties.principal, { expiresAt: NOW })).rejects.toThrow(refusal('redemption_expired'));
    const long = { expiresAt: NOW + 10 * 60_000 + 1 };
    await expect(offer(parties.principal, long)).rejects.toThrow(refusal('terms_invalid', '10 minutes'));
  });

  test('by a certificate that it is shown whole', async () => {
    const { evidence } = parties;
    const confirmation = known(evidence.all(confirmationStatement)[1]);
    await expect(parties.ask(without(message, confirmation))).rejects.toThrow(refusal('certificate_invalid', 'all'));
    const commitment = evidence.one(commitmentStatement);
    const forged = await restate(commitmentStatement, commitment, parties.fiduciary(1).author);
    const redemption = evidence.one(redemptionStatement);
    const names = await restate(redemptionStatement, redemption, parties.principal, { certificate: forged.cid });
    const offered = replaced(replaced(message, redemption, names), commitment, forged);
    await expect(parties.ask(offered)).rejects.toThrow(refusal('signature_invalid', 'commitment'));
  });

  test('nothing that is not the private key of Y: a row swapped in its database', async () => {
    const { order, open, author } = parties.beneficiary;
    const swapped: Node<BeneficiaryOrder>['open'] = async (name) =>
      name.what === 'enrolment-key' ? randomBytes(32).fill(1, 0, 1) : open(name);
    await expect(redeemOrder(known(order), readMessage(), honest, swapped, context(author))).rejects.toThrow(
      refusal('release_invalid', 'committed key'),
    );
  });

  test('nothing before it is enrolled with its own keys', async () => {
    const { order, open, author } = parties.beneficiary;
    const other = { ...known(order), enrolment: parties.order.ref };
    await expect(redeemOrder(other, readMessage(), honest, open, context(author))).rejects.toThrow(
      refusal('order_state_conflict', 'Enrolment of this node'),
    );
  });

  test('although it missed the Commitment', async () => {
    const { order, open, author } = parties.beneficiary;
    const enrolled = { ...known(order), state: 'enrolled', commitment: null, commitmentStatement: null } as const;
    const outcome = await redeemOrder(enrolled, readMessage(), honest, open, context(author));
    expect(outcome.order).toMatchObject({ state: 'held', commitment: parties.order.commitment });
  });

  test('no order that is closed', async () => {
    const { order, open, author } = parties.beneficiary;
    const closed = { ...known(order), state: 'closed' } as const;
    await expect(redeemOrder(closed, readMessage(), honest, open, context(author))).rejects.toThrow(
      refusal('order_state_conflict', 'the order is closed'),
    );
    const over = { ...known(order), keepUntil: NOW - 1 };
    await expect(redeemOrder(over, readMessage(), honest, open, context(author))).rejects.toThrow(
      refusal('order_state_conflict', 'the order is closed'),
    );
  });
});

test('a Commitment that is delivered after the Redemption is acknowledged, and changes nothing', async () => {
  const late = await Parties.of(2);
  late.held.add('commit');
  await late.place();
  await late.redeem();
  const { beneficiary } = late;
  expect(beneficiary.order).toMatchObject({ state: 'held', commitmentStatement: late.order.certificate });
  const before = beneficiary.order;
  const { reply } = await late.send(late.message('commit', 'beneficiary'));
  expect(reply.map(({ body }) => body)).toMatchObject([{ type: 'acknowledged', statement: late.order.certificate }]);
  expect(beneficiary.order).toEqual(before);
  expect(beneficiary.secrets.map(({ name }) => name.what)).toEqual(['secret']);
});

test('once it holds y, B answers a later Redemption from what it holds, without a key or a Release', async () => {
  const held = await Parties.of(3);
  await held.place();
  await held.redeem();
  const { beneficiary } = held;
  expect(beneficiary.secrets.map(({ name }) => name.what)).toEqual(['secret']);
  const said = held.evidence.one(redemptionStatement);
  const again = await restate(redemptionStatement, said, held.principal);
  held.releases = [];
  const { reply } = await held.ask(replaced(held.message('redeem', 'beneficiary'), said, again));
  expect(known(reply[0]).body).toMatchObject({ redemption: again.cid, good: [1, 2, 3], bad: [] });

  const another = async (now: number) => {
    const fresh = await restate(redemptionStatement, said, held.principal, { createdAt: now, expiresAt: now + 60_000 });
    return replaced(held.message('redeem', 'beneficiary'), said, fresh);
  };
  for (let at = 1; at < 16; at++) await held.but({ now: NOW + at }).send(await another(NOW + at));
  const day = NOW + 24 * 60 * 60_000;
  await expect(held.but({ now: day - 1 }).ask(await another(day - 1))).rejects.toThrow(
    refusal('redemption_limit', '', { limit: 16 }),
  );
  await expect(held.but({ now: day }).ask(await another(day))).resolves.toBeDefined();
});
