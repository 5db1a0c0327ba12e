import { beforeAll, describe, expect, test } from '@jest/globals';
import { addPoints, randomBytes, sha256, secp256k1 } from '@dta/crypto';
import { signStatement, type StatementOf } from '@dta/identity';
import {
  advanceOrder,
  certifiedKey,
  commitEnrolment,
  commitmentStatement,
  commitOrder,
  confirmationStatement,
  enrolmentStatement,
  Evidence,
  manifestStatement,
  redeemOrder,
  verifyCertificate,
  type BeneficiaryOrder,
  type Commitment,
  type OrderStatement,
  type Setup,
} from '../src/index.js';
import { signRedemption } from '../src/redemption.js';
import { anyHash, flipped, replaced, restate, without, withMore } from './forge.js';
import { context, known, NOW, Parties, type Sent, setupIn } from './parties.js';
import { refusal } from './refusal.js';

type Confirmation = StatementOf<typeof confirmationStatement>;

let parties: Parties;
let setup: Setup;
let commitment: Commitment;
let confirmation: Confirmation;
/** to F1 and to B: both recompute everything */
let messages: readonly Sent[];

beforeAll(async () => {
  parties = await Parties.of(3);
  parties.held.add('commit');
  await parties.place({ minDealers: 2 });
  setup = setupIn(parties.evidence);
  commitment = parties.evidence.one(commitmentStatement);
  confirmation = known(parties.evidence.all(confirmationStatement)[2]);
  messages = [parties.message('commit', 1), parties.message('commit', 'beneficiary')];
});

async function refuses(change: (message: Sent) => Sent, expected: Error): Promise<void> {
  for (const message of messages) await expect(parties.ask(change(message))).rejects.toThrow(expected);
}

test('Y is the sum of the deals and of what B proved to know', () => {
  const b = parties.beneficiary.secret('enrolment-key').value;
  expect(commitment.body.commitment).toEqual(addPoints(secp256k1, known(setup.vector[0]), secp256k1.publicPoint(b)));
  expect(parties.order.commitment).toEqual(commitment.body.commitment);
});

describe('a certificate is refused', () => {
  const by3 = (said: Partial<Confirmation['body']>) =>
    restate(confirmationStatement, confirmation, parties.fiduciary(3).author, said);

  test('with a Confirmation missing', async () => {
    await refuses((message) => without(message, confirmation), refusal('certificate_invalid', 'all members'));
  });

  test('of another Enrolment than its Manifest names', async () => {
    const enrolment = parties.evidence.one(enrolmentStatement);
    const by = parties.beneficiary.author;
    const unproven = await restate(enrolmentStatement, enrolment, by, { pop: randomBytes(64) });
    await refuses((message) => replaced(message, enrolment, unproven), refusal('envelope_invalid', "isn't there"));
  });

  test('with two by one member', async () => {
    const again = await by3({});
    await refuses((message) => withMore(message, again), refusal('deal_invalid', 'two statements', { member: 3 }));
    const two = known(parties.evidence.all(confirmationStatement)[1]);
    await refuses((message) => replaced(message, two, again), refusal('deal_invalid', 'two statements'));
  });

  test('with one by a stranger', async () => {
    for (const by of [parties.principal, parties.beneficiary.author]) {
      const foreign = await restate(confirmationStatement, confirmation, by);
      await refuses((message) => replaced(message, confirmation, foreign), refusal('identity_not_admitted'));
      await refuses((message) => withMore(message, foreign), refusal('identity_not_admitted'));
    }
  });

  test('with one of another transcript or vector', async () => {
    const transcript = await by3({ transcript: anyHash() });
    const vector = await by3({ vector: anyHash() });
    await refuses(
      (message) => replaced(message, confirmation, transcript),
      refusal('certificate_invalid', 'all members'),
    );
    await refuses((message) => replaced(message, confirmation, vector), refusal('transcript_mismatch', 'vector'));
  });
});

describe('a Commitment is refused', () => {
  const byPrincipal = (said: Partial<Commitment['body']>) =>
    restate(commitmentStatement, commitment, parties.principal, said);

  test('by another chain than the principal', async () => {
    for (const by of [parties.beneficiary.author, parties.fiduciary(2).author]) {
      const foreign = await restate(commitmentStatement, commitment, by);
      await refuses((message) => replaced(message, commitment, foreign), refusal('signature_invalid'));
    }
  });

  test.each<[string, () => Partial<Commitment['body']>]>([
    ['another Y', () => ({ commitment: secp256k1.publicPoint(randomBytes(32)) })],
    ['X alone, which fiduciaries could open without B', () => ({ commitment: known(setup.vector[0]) })],
    ['Y of the other parity', () => ({ commitment: negated(commitment.body.commitment) })],
    ['another vector', () => ({ vector: [...setup.vector].reverse() })],
    [
      'a vector that ends in another point',
      () => ({ vector: [...setup.vector.slice(0, -1), secp256k1.publicPoint(randomBytes(32))] }),
    ],
    ['a shorter vector', () => ({ vector: setup.vector.slice(0, 1) })],
    ['a longer vector', () => ({ vector: [...setup.vector, ...setup.vector.slice(1)] })],
  ])('of %s', async (_, said) => {
    const other = await byPrincipal(said());
    await refuses((message) => replaced(message, commitment, other), refusal('certificate_invalid', 'another key'));
  });

  test('of another transcript', async () => {
    const other = await byPrincipal({ transcript: flipped(setup.transcript) });
    await refuses((message) => replaced(message, commitment, other), refusal('transcript_mismatch'));
  });

  test('without what it rests on', async () => {
    const { evidence } = parties;
    const manifest = evidence.one(manifestStatement);
    await refuses((message) => without(message, manifest), refusal('transcript_mismatch', 'not one that'));
    await refuses((message) => without(message, commitment), refusal('envelope_invalid', 'must be a commitment'));
  });
});

test('the key that a certificate certifies is read from nothing less', async () => {
  const { evidence, order } = parties;
  expect(certifiedKey(commitment.cid, evidence)).toEqual(order.commitment);
  const bytes = (left: Commitment | Confirmation) =>
    evidence.statements.filter(({ cid }) => cid !== left.cid).map((statement) => statement.bytes);
  expect(() => certifiedKey(commitment.cid, parties.read(bytes(confirmation)))).toThrow(refusal('certificate_invalid'));
  expect(() => certifiedKey(commitment.cid, parties.read(bytes(commitment)))).toThrow(refusal('envelope_invalid'));
});

test('P commits to nothing that its own evidence does not certify, whatever answers it has counted', async () => {
  const waiting = await Parties.before('confirm', 2);
  const confirmations = await Promise.all([1, 2].map((to) => waiting.ask(waiting.message('confirm', to))));
  const answers = confirmations.map(({ reply }, at) => ({
    ...{ party: waiting.fiduciary(at + 1).author.identity.cid, verb: 'confirm' as const },
    ...{ statements: reply, attachments: [] },
  }));
  const [one = [], two = []] = confirmations.map(({ reply }) => reply);
  const advance = (...statements: readonly OrderStatement[]) =>
    advanceOrder(waiting.order, waiting.evidence.with(...statements), answers, context(waiting.principal));
  await expect(advance(...one)).rejects.toThrow(refusal('certificate_invalid', 'all members'));
  await expect(advance(...one, ...two)).resolves.toMatchObject({ order: { state: 'committed' } });
});

/** −Y, compressed. */
const negated = (point: Uint8Array) => Uint8Array.from([point[0] === 2 ? 3 : 2, ...point.slice(1)]);

/** P alone, choosing the dealer set: a whole certificate by F2 and F3, which F1 never confirmed. */
async function rivalOf(of: Parties): Promise<Sent> {
  const message = of.message('commit', 1);
  const manifest = of.evidence.one(manifestStatement);
  const two = await restate(manifestStatement, manifest, of.principal, {
    members: manifest.body.members.slice(1),
    deals: manifest.body.deals.slice(1),
  });
  const dropped = of.evidence.all(confirmationStatement);
  const kept = message.statements.filter(({ cid }) => !dropped.some((other) => other.cid === cid));
  const base = replaced({ ...message, statements: kept.slice(1) }, manifest, two);
  const rival = setupIn(of.read(base.statements.map(({ bytes }) => bytes)));
  const said = { order: of.order.ref, createdAt: NOW, transcript: rival.transcript };
  const confirmations = await Promise.all(
    [of.fiduciary(2), of.fiduciary(3)].map(({ author }) =>
      signStatement(confirmationStatement, { ...said, issuer: author.identity.cid, vector: sha256(...rival.vector) }, [
        author.key,
      ]),
    ),
  );
  const certificate = await restate(commitmentStatement, of.evidence.one(commitmentStatement), of.principal, {
    transcript: rival.transcript,
    vector: [...rival.vector],
    commitment: rival.commitment,
  });
  return { ...base, statements: [certificate, ...base.statements, ...confirmations] };
}

describe('P alone: a second certificate, of F2 and F3', () => {
  let rival: Sent;

  beforeAll(async () => {
    rival = await rivalOf(parties);
  });

  test('is whole', () => {
    const evidence = parties.read(rival.statements.map(({ bytes }) => bytes));
    const other = setupIn(evidence);
    expect(other.members).toEqual([2, 3]);
    expect(() => verifyCertificate(evidence.one(commitmentStatement), other, evidence)).not.toThrow();
  });

  test('has no Confirmation by F1, which is no member of it', async () => {
    const evidence = parties.read(rival.statements.map(({ bytes }) => bytes));
    const second = known(evidence.all(confirmationStatement)[1]);
    const byF1 = await restate(confirmationStatement, second, parties.fiduciary(1).author);
    for (const { statements } of [withMore(rival, byF1), replaced(rival, second, byF1)]) {
      const other = parties.read(statements.map(({ bytes }) => bytes));
      const verify = () => verifyCertificate(other.one(commitmentStatement), setupIn(other), other);
      expect(verify).toThrow(refusal('certificate_invalid', 'no other'));
    }
  });

  test('is nothing to F1, which did not confirm it', async () => {
    await expect(parties.ask(rival)).rejects.toThrow(refusal('certificate_invalid', 'did not confirm'));
  });

  test('is nothing to F2 either: it confirmed another transcript', async () => {
    const { party } = parties.message('commit', 2).addressee;
    const toF2 = { ...rival, addressee: { ...rival.addressee, party } };
    await expect(parties.ask(toF2)).rejects.toThrow(refusal('certificate_invalid', 'did not confirm'));
  });

  test('B takes the first that it is shown, and no second', async () => {
    const both = await Parties.before('redeem', 3, { minDealers: 2 });
    const second = await rivalOf(both);
    const { author, order } = both.beneficiary;
    const evidence = both.read(second.statements.map(({ bytes }) => bytes));
    await expect(commitEnrolment(known(order), evidence, context(author))).rejects.toThrow(
      refusal('order_state_conflict', 'another key'),
    );
  });

  test.each(['committed', 'held'] as const)(
    'B, %s, redeems no second: it would destroy the b that Y needs',
    async (state) => {
      const both = await Parties.before('redeem', 3, { minDealers: 2 });
      const second = await rivalOf(both);
      const { author, order, open } = both.beneficiary;
      const evidence = both.read(second.statements.map(({ bytes }) => bytes));
      const other = evidence.one(commitmentStatement);
      const redemption = await signRedemption(other, setupIn(evidence), both.principal, both.order.ref, NOW);
      const bytes = [redemption, ...evidence.statements].map((statement) => statement.bytes);
      const redeem = (own: Partial<BeneficiaryOrder>) =>
        redeemOrder({ ...known(order), ...own }, both.read(bytes), both.releases, open, context(author));
      await expect(redeem({ state })).rejects.toThrow(refusal('order_state_conflict', 'another key'));
      // who was shown none goes by this one, for which these Releases are none
      await expect(redeem({ state: 'enrolled', commitment: null })).rejects.toThrow(refusal('shares_insufficient'));
    },
  );
});

describe('once committed', () => {
  let after: Parties;

  beforeAll(async () => {
    after = await Parties.before('release', 3);
  });

  test('what was only for the setup is gone', () => {
    for (const node of after.fiduciaries) expect(node.secrets.map(({ name }) => name.what)).toEqual(['share']);
    expect(after.beneficiary.order).toMatchObject({ state: 'committed', commitment: after.order.commitment });
  });

  test('a fiduciary that is shown the certificate again repeats itself, where it has stored all of it', async () => {
    const { order, author } = after.fiduciary(1);
    const bytes = after.message('commit', 1).statements.map((statement) => statement.bytes);
    const evidence = after.read(bytes);
    const stored = new Set(evidence.statements.map(({ cid }) => cid));
    const read = (kept: typeof stored) => Evidence.read(after.order.ref, bytes, { ...after.verifier, stored: kept });
    const repeats = async (kept: typeof stored) =>
      (await commitOrder(known(order), read(kept), context(author))).repeats;
    expect([await repeats(stored), await repeats(new Set([...stored].slice(0, -1)))]).toEqual([true, false]);
    const confirmed = { ...known(order), state: 'confirmed' as const };
    expect((await commitOrder(confirmed, read(stored), context(author))).repeats).toBe(false);
  });

  test('no later Manifest is confirmed', async () => {
    const manifest = after.evidence.one(manifestStatement);
    const next = await restate(manifestStatement, manifest, after.principal, { round: 1 });
    await expect(after.ask(replaced(after.message('confirm', 1), manifest, next))).rejects.toThrow(
      refusal('order_state_conflict'),
    );
  });
});

test('before it confirmed, a fiduciary commits to nothing', async () => {
  const { order, author } = parties.fiduciary(1);
  const evidence = parties.read(parties.message('commit', 1).statements.map(({ bytes }) => bytes));
  for (const state of ['accepted', 'dealt'] as const) {
    const early = { ...known(order), state, confirmed: [] };
    await expect(commitOrder(early, evidence, context(author))).rejects.toThrow(
      refusal('certificate_invalid', 'did not confirm'),
    );
    const forgot = { ...known(order), state };
    await expect(commitOrder(forgot, evidence, context(author))).rejects.toThrow(refusal('order_state_conflict'));
  }
});

test('B knows its own Enrolment: the keys of another are not in its custody', async () => {
  const { author, order } = parties.beneficiary;
  const enrolment = parties.evidence.one(enrolmentStatement);
  const other = await restate(enrolmentStatement, enrolment, author);
  const evidence = parties.read(parties.message('commit', 'beneficiary').statements.map(({ bytes }) => bytes));
  const swapped = { ...known(order), enrolment: other.cid };
  await expect(commitEnrolment(swapped, evidence, context(author))).rejects.toThrow(
    refusal('order_state_conflict', 'Enrolment of this node'),
  );
});
