import { beforeAll, describe, expect, test } from '@jest/globals';
import { parseEnvelope } from '@dta/envelope';
import type { StatementOf } from '@dta/identity';
import { randomBytes } from '@dta/crypto';
import {
  commitmentStatement,
  confirmationStatement,
  enrolmentStatement,
  forwardStatement,
  isHalfSpent,
  receiptStatement,
  redemptionStatement,
  releasedStatement,
  takeReceipt,
  type Author,
  type FiduciaryOrder,
} from '../src/index.js';
import { verifyRedemption } from '../src/redemption.js';
import { anyHash, replaced, restate, without } from './forge.js';
import { context, known, NOW, Parties, type Node, type Sent, setupIn } from './parties.js';
import { refusal } from './refusal.js';

type Redemption = StatementOf<typeof redemptionStatement>;

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

let parties: Parties;
let message: Sent;
let redemption: Redemption;

beforeAll(async () => {
  parties = await Parties.before('release', 3, { keepUntil: NOW + 30 * DAY });
  message = parties.message('release', 1);
  redemption = parties.evidence.one(redemptionStatement);
});

const byPrincipal = (said: Partial<Redemption['body']>) =>
  restate(redemptionStatement, redemption, parties.principal, said);
const offer = async (said: Partial<Redemption['body']>) =>
  parties.ask(replaced(message, redemption, await byPrincipal(said)));

describe('a fiduciary releases its share', () => {
  test("to the order's own key alone, in an envelope that is never logged", async () => {
    const { reply, envelopes } = await parties.ask(message);
    const { header, cid } = parseEnvelope(known(envelopes[0]));
    expect(envelopes).toHaveLength(1);
    expect(header).toMatchObject({ log: false, from: 'fiduciary', order: parties.order.ref, prev: [] });
    expect(header.recipients.map(({ id, role }) => [id, role])).toEqual([
      [parties.beneficiary.author.identity.cid, 'beneficiary'],
    ]);
    expect(header.recipients[0]?.key).not.toEqual(parties.beneficiary.author.identity.keys.kemHash);
    expect(reply.map(({ body }) => body)).toMatchObject([{ type: 'released', index: 1, envelope: cid }]);
    expect(envelopes[0]?.length).toBeLessThan(4096);
  });

  test('to nobody but the principal of the order', async () => {
    for (const by of [parties.beneficiary.author, parties.fiduciary(2).author]) {
      const foreign = await restate(redemptionStatement, redemption, by);
      await expect(parties.ask(replaced(message, redemption, foreign))).rejects.toThrow(refusal('signature_invalid'));
    }
  });

  test('of the certificate that it is shown whole', async () => {
    const { evidence } = parties;
    const commitment = evidence.one(commitmentStatement);
    await expect(offer({ certificate: parties.order.ref })).rejects.toThrow(refusal('envelope_invalid', 'referred to'));
    await expect(parties.ask(without(message, commitment))).rejects.toThrow(refusal('envelope_invalid', 'referred to'));
    await expect(offer({ transcript: anyHash() })).rejects.toThrow(
      refusal('certificate_invalid', 'another certificate'),
    );
    await expect(offer({ epoch: 1 })).rejects.toThrow(refusal('certificate_invalid', 'another certificate'));
    const confirmation = known(evidence.all(confirmationStatement)[1]);
    await expect(parties.ask(without(message, confirmation))).rejects.toThrow(refusal('certificate_invalid', 'all'));
    const forged = await restate(commitmentStatement, commitment, parties.beneficiary.author);
    const names = await byPrincipal({ certificate: forged.cid });
    await expect(parties.ask(replaced(replaced(message, redemption, names), commitment, forged))).rejects.toThrow(
      refusal('signature_invalid'),
    );
  });

  test('of the Enrolment that was certified: never to a key that a thief of B enrols later', async () => {
    const enrolment = parties.evidence.one(enrolmentStatement);
    const other = await restate(enrolmentStatement, enrolment, parties.beneficiary.author);
    await expect(parties.ask(replaced(message, enrolment, other))).rejects.toThrow(
      refusal('envelope_invalid', "isn't there"),
    );
  });

  test('until the Redemption expires', async () => {
    await expect(offer({ expiresAt: NOW })).rejects.toThrow(refusal('redemption_expired'));
    await expect(offer({ expiresAt: NOW + 1 })).resolves.toBeDefined();
    const { expiresAt } = redemption.body;
    await expect(parties.but({ now: expiresAt }).ask(message)).rejects.toThrow(refusal('redemption_expired'));
  });

  test('for at most 10 minutes after the Redemption was made, whatever it says', async () => {
    await expect(offer({ expiresAt: NOW + 10 * MINUTE })).resolves.toBeDefined();
    await expect(offer({ expiresAt: NOW + 10 * MINUTE + 1 })).rejects.toThrow(refusal('terms_invalid', '10 minutes'));
    const { createdAt, expiresAt } = redemption.body; // P's own
    expect(expiresAt - createdAt).toBe(5 * MINUTE);
  });

  test('until keepUntil, also where the sweep is late', async () => {
    const end = NOW + 30 * DAY;
    const times = { createdAt: end - MINUTE, expiresAt: end + MINUTE };
    const late = replaced(message, redemption, await byPrincipal(times));
    await expect(parties.but({ now: end }).ask(late)).resolves.toBeDefined();
    await expect(parties.but({ now: end + 1 }).ask(late)).rejects.toThrow(refusal('order_state_conflict'));
  });

  test('as message of the verb, nothing else', async () => {
    const { statements } = message;
    await expect(parties.ask({ ...message, statements: statements.slice(1) })).rejects.toThrow(
      refusal('envelope_invalid', 'must be a redemption'),
    );
  });
});

test('a Redemption is held against the Commitment that it names, and no other', () => {
  const { evidence } = parties;
  const commitment = evidence.one(commitmentStatement);
  const setup = setupIn(evidence);
  const other = { ...commitment, cid: parties.order.ref };
  expect(() => verifyRedemption(redemption, commitment, setup, evidence)).not.toThrow();
  expect(() => verifyRedemption(redemption, other, setup, evidence)).toThrow(refusal('certificate_invalid', 'another'));
});

describe('who writes its database', () => {
  const withShare = async (value: Uint8Array) => {
    const node = parties.fiduciary(1);
    const before = node.secrets;
    node.secrets = before.map((secret) => (secret.name.what === 'share' ? { ...secret, value } : secret));
    try {
      return await parties.ask(message);
    } finally {
      node.secrets = before;
    }
  };

  test.each([
    ["another member's share", () => parties.fiduciary(2).secret('share').value],
    ['another scalar', () => randomBytes(32).fill(1, 0, 1)],
    ['zero', () => new Uint8Array(32)],
    ['no scalar', () => new Uint8Array(32).fill(0xff)],
    ['nothing', () => new Uint8Array()],
  ] as const)('makes it release nothing: %s in the place of its share', async (_, value) => {
    await expect(withShare(Uint8Array.from(value()))).rejects.toThrow(refusal('release_invalid', 'altered'));
  });
});

describe('one Redemption is answered once, and sixteen a day', () => {
  let again: Parties;
  let node: Node<FiduciaryOrder>;
  let first: Sent;

  beforeAll(async () => {
    again = await Parties.before('release', 2);
    node = again.fiduciary(1);
    first = again.message('release', 1);
    await again.send(first);
  });

  const another = async (now = again.now): Promise<Sent> => {
    const said = again.evidence.one(redemptionStatement);
    const fresh = await restate(redemptionStatement, said, again.principal, {
      ...{ createdAt: now, expiresAt: now + 10 * MINUTE },
    });
    return replaced(first, said, fresh);
  };

  test('the same Redemption in another envelope is refused', async () => {
    await expect(again.ask(first)).rejects.toThrow(refusal('order_state_conflict', 'answered before'));
  });

  test('also after a day, by what is stored', async () => {
    const { cid, bytes } = again.evidence.one(redemptionStatement);
    const later = again.but({ now: NOW + 60_000 });
    const stored = { ...later.verifier, stored: new Set([cid]) };
    expect(bytes).not.toHaveLength(0);
    Object.defineProperty(later, 'verifier', { value: stored });
    node.order = { ...known(node.order), answered: [] };
    await expect(later.ask(first)).rejects.toThrow(refusal('order_state_conflict', 'answered before'));
  });

  test('the 17th within 24 hours is refused, and answered when the first is a day old', async () => {
    node.order = { ...known(node.order), answered: [] };
    for (let at = 0; at < 16; at++) await again.but({ now: NOW + at }).send(await another(NOW + at));
    expect(node.order.answered).toHaveLength(16);
    const seventeenth = await another(NOW + DAY);
    await expect(again.but({ now: NOW + DAY - 1 }).ask(seventeenth)).rejects.toThrow(
      refusal('redemption_limit', '', { limit: 16 }),
    );
    await expect(again.but({ now: NOW + DAY }).ask(seventeenth)).resolves.toBeDefined();
    await again.but({ now: NOW + DAY }).send(seventeenth);
    expect(node.order.answered).toHaveLength(16); // those of the last day
  });
});

test('a fiduciary that missed the Commitment takes it from the evidence of a Redemption', async () => {
  const late = await Parties.of(3);
  late.held.add('commit').add('release').add('redeem');
  await late.place();
  await late.redeem();
  const node = late.fiduciary(1);
  expect(node.order).toMatchObject({ state: 'confirmed', commitment: null });
  await late.send(late.message('release', 1));
  expect(node.order).toMatchObject({ state: 'committed', commitment: late.order.certificate });
  expect(node.secrets.map(({ name }) => name.what)).toEqual(['share']);
  await expect(late.send(late.message('commit', 1))).resolves.toBeDefined(); // it is delivered after all
  expect(node.order).toMatchObject({ state: 'committed' });
});

test('half of the Redemptions of a day are spent with the eighth, and no longer when the first is a day old', async () => {
  const all = await Promise.all(Array.from({ length: 7 }, (_, at) => byPrincipal({ createdAt: NOW + at + 1 })));
  const seven = parties.evidence.with(...all.slice(1)); // with the first, of NOW
  const eight = seven.with(...all);
  expect([isHalfSpent(seven), isHalfSpent(eight)]).toEqual([false, true]);
  expect([isHalfSpent(eight.at(NOW + DAY - 1)), isHalfSpent(eight.at(NOW + DAY))]).toEqual([true, false]);
});

describe('a Receipt', () => {
  let over: Parties;
  let receipt: StatementOf<typeof receiptStatement>;
  let forward: StatementOf<typeof forwardStatement>;
  let taken: Sent;

  beforeAll(async () => {
    over = await Parties.before('receipt', 2);
    taken = over.message('receipt', 1);
    receipt = over.evidence.one(receiptStatement);
    forward = known(over.evidence.all(forwardStatement).find(({ body }) => body.statements.includes(receipt.cid)));
  });

  test('is acknowledged', async () => {
    const { reply } = await over.ask(taken);
    expect(reply.map(({ body }) => body)).toMatchObject([{ type: 'acknowledged', statement: receipt.cid }]);
  });

  test('ends its own redemption, and none that came after it', async () => {
    const { order, author } = over.fiduciary(1);
    const evidence = over.read(taken.statements.map(({ bytes }) => bytes));
    const take = (answered: FiduciaryOrder['answered']) =>
      takeReceipt({ ...known(order), answered }, evidence, context(author));
    const own = { redemption: receipt.body.redemption, at: 1, isReceipted: false };
    expect((await take([own])).settled).toBe('redemption');
    expect((await take([own, { ...own, redemption: over.order.ref, at: 2 }])).settled).toBeNull();
    expect((await take([])).settled).toBeNull();
  });

  test('counts for its own Redemption, and for no other that was answered', async () => {
    const { order, author } = over.fiduciary(1);
    const evidence = over.read(taken.statements.map(({ bytes }) => bytes));
    const own = { redemption: receipt.body.redemption, at: 1, isReceipted: false };
    const other = { redemption: over.order.ref, at: 2, isReceipted: false };
    const take = (answered: FiduciaryOrder['answered']) =>
      takeReceipt({ ...known(order), answered }, evidence, context(author));
    const first = await take([own, other]);
    expect(first).toMatchObject({ repeats: false, order: { answered: [{ ...own, isReceipted: true }, other] } });
    expect(await take(first.order.answered)).toMatchObject({ repeats: true, order: first.order });
  });

  test('is taken once for each Redemption that was answered, however often it is signed', async () => {
    const { order, author } = over.fiduciary(1);
    const evidence = over.read(taken.statements.map(({ bytes }) => bytes));
    const first = await takeReceipt(known(order), evidence, context(author));
    expect(first).toMatchObject({ repeats: false, order: { answered: [{ isReceipted: true }] } });
    const another = await restate(receiptStatement, receipt, over.beneficiary.author);
    const passed = await restate(forwardStatement, forward, over.principal, { statements: [another.cid] });
    const again = over.read(
      replaced(replaced(taken, receipt, another), forward, passed).statements.map(({ bytes }) => bytes),
    );
    expect(await takeReceipt(first.order, again, context(author))).toMatchObject({ repeats: true, order: first.order });
    const unanswered = { ...known(order), answered: [] };
    expect(await takeReceipt(unanswered, evidence, context(author))).toMatchObject({
      repeats: true,
      order: unanswered,
    });
  });

  test("is the beneficiary's word", async () => {
    const forged = await restate(receiptStatement, receipt, over.principal);
    const said = await restate(forwardStatement, forward, over.principal, { statements: [forged.cid] });
    await expect(over.ask(replaced(replaced(taken, receipt, forged), forward, said))).rejects.toThrow(
      refusal('signature_invalid'),
    );
  });

  test('comes from the principal of the order, by its word, with its Redemption', async () => {
    const foreign = await restate(forwardStatement, forward, over.fiduciary(2).author);
    await expect(over.ask(replaced(taken, forward, foreign))).rejects.toThrow(refusal('signature_invalid'));
    const other = await restate(forwardStatement, forward, over.principal, { statements: [over.order.ref] });
    await expect(over.ask(replaced(taken, forward, other))).rejects.toThrow(refusal('envelope_invalid', 'Forward'));
    const demand = over.evidence.one(redemptionStatement);
    await expect(over.ask(without(taken, demand))).rejects.toThrow(refusal('envelope_invalid', 'referred to'));
    await expect(over.ask(without(taken, receipt))).rejects.toThrow(refusal('envelope_invalid', 'exactly one'));
  });

  test('is of a Redemption by the principal of the order, though the beneficiary says otherwise', async () => {
    const demand = over.evidence.one(redemptionStatement);
    const of = async (by: Author) => {
      const redemption = await restate(redemptionStatement, demand, by);
      const said = await restate(receiptStatement, receipt, over.beneficiary.author, { redemption: redemption.cid });
      const passed = await restate(forwardStatement, forward, over.principal, { statements: [said.cid] });
      return replaced(replaced(replaced(taken, demand, redemption), receipt, said), forward, passed);
    };
    await expect(over.ask(await of(over.principal))).resolves.toBeDefined();
    for (const by of [over.beneficiary.author, over.fiduciary(2).author])
      await expect(over.ask(await of(by))).rejects.toThrow(refusal('signature_invalid', 'redemption'));
  });

  test('says whose shares were good', () => {
    expect(receipt.body).toMatchObject({ good: [1, 2], bad: [] });
    expect(over.evidence.all(releasedStatement)).toHaveLength(2);
  });
});
