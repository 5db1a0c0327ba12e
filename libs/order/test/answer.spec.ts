import { beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes, sha256 } from '@dta/crypto';
import { sealEnvelope, type NewEnvelope } from '@dta/envelope';
import { signStatement, type StatementOf } from '@dta/identity';
import {
  acceptanceStatement,
  acknowledgedStatement,
  advanceOrder,
  checkAnswer,
  confirmationStatement,
  dealStatement,
  enrolmentStatement,
  expirePrincipalOrder,
  receiptStatement,
  releasedStatement,
  startRedemption,
  type Answer,
  type Author,
  type OrderStatement,
  type PrincipalVerb,
} from '../src/index.js';
import { anyHash, flipped, restate } from './forge.js';
import { known, NOW, Parties } from './parties.js';
import { refusal } from './refusal.js';

/** An order as P waits for the answers to one verb, and one honest answer to it. */
interface Waiting {
  readonly parties: Parties;
  readonly answer: Answer;
  readonly envelopes: readonly Uint8Array[];
}

async function waitingFor(verb: PrincipalVerb, to: number | 'beneficiary', n = 2): Promise<Waiting> {
  const parties = await Parties.before(verb, n);
  const message = parties.message(verb, to);
  const { reply, attachments, envelopes } = await parties.ask(message);
  return { parties, answer: { party: message.addressee.party, verb, statements: reply, attachments }, envelopes };
}

const check = ({ parties, answer, envelopes }: Waiting, said: Partial<Answer> = {}, beside = envelopes) =>
  checkAnswer(parties.order, { ...answer, ...said }, parties.evidence, beside);

/** By verb and whom P asked: what the same words by F2 are refused for, and F1's words in the name of F2. */
const all = [
  ['enrol', 'beneficiary', 'signature_invalid', null],
  ['accept', 1, 'envelope_invalid', 'envelope_invalid'],
  ['deal', 1, 'deal_invalid', 'envelope_invalid'],
  ['confirm', 1, 'envelope_invalid', 'envelope_invalid'],
  ['manifest', 'beneficiary', 'signature_invalid', null],
  ['commit', 1, 'signature_invalid', 'signature_invalid'],
  ['commit', 'beneficiary', 'signature_invalid', null],
  ['release', 1, 'release_invalid', 'envelope_invalid'],
  ['redeem', 'beneficiary', 'signature_invalid', null],
  ['receipt', 1, 'signature_invalid', 'signature_invalid'],
] as const;

describe.each(all)('an answer to %s by %s', (verb, to, byOther, forOther) => {
  let waiting: Waiting;

  beforeAll(async () => {
    waiting = await waitingFor(verb, to);
  });

  test('counts', () => {
    expect(() => check(waiting)).not.toThrow();
  });

  test('is exactly one statement: one more, whatever it is, would become evidence and stop the order', async () => {
    const { answer, parties } = waiting;
    const node = to === 'beneficiary' ? parties.beneficiary : parties.fiduciary(1);
    const common = { issuer: node.author.identity.cid, order: parties.order.ref, createdAt: NOW };
    const junk = await signStatement(acknowledgedStatement, { ...common, statement: parties.order.ref }, [
      node.author.key,
    ]);
    for (const statements of [[], [junk], [...answer.statements, junk], [junk, ...answer.statements]]) {
      expect(() => check(waiting, { statements })).toThrow(refusal('envelope_invalid'));
    }
  });

  test('has no envelope beside it but a Release', () => {
    const beside = verb === 'release' ? [] : [new Uint8Array(10)];
    expect(() => check(waiting, {}, beside)).toThrow(
      verb === 'release' ? refusal('release_invalid') : refusal('envelope_invalid', 'more or less'),
    );
  });

  test('has no attachment that belongs to none of its statements: P would keep it for as long as the order', () => {
    const { attachments } = waiting.answer;
    expect(() => check(waiting, { attachments: [...attachments, randomBytes(4096)] })).toThrow(
      refusal('envelope_invalid', 'attachments'),
    );
  });

  test('is by the party asked', async () => {
    const { answer, parties } = waiting;
    const { author } = parties.fiduciary(2);
    const statements = await Promise.all(answer.statements.map((statement) => restatedBy(statement, author)));
    expect(() => check(waiting, { statements })).toThrow(refusal(byOther));
    if (forOther === null) return;
    expect(() => check(waiting, { party: author.identity.cid })).toThrow(refusal(forOther));
  });
});

/** The same words by somebody else, well signed. */
function restatedBy(statement: OrderStatement, by: Author): Promise<OrderStatement> {
  const type = [
    enrolmentStatement,
    acceptanceStatement,
    dealStatement,
    confirmationStatement,
    acknowledgedStatement,
    releasedStatement,
    receiptStatement,
  ].find((known) => known.type === statement.body.type);
  return restate(known(type) as typeof acknowledgedStatement, statement as never, by); // one of them it is
}

describe('an Acceptance without keys that a dealer can use', () => {
  let waiting: Waiting;

  beforeAll(async () => {
    waiting = await waitingFor('accept', 1);
  });

  test('missing or altered', () => {
    const [first = new Uint8Array(), ...others] = waiting.answer.attachments;
    for (const attachments of [others, [flipped(first), ...others], []]) {
      expect(() => check(waiting, { attachments })).toThrow(refusal('attachment_invalid'));
    }
  });

  test('unusable: its author owes an answer, and no dealer is stopped', async () => {
    const { parties, answer } = waiting;
    const [acceptance] = answer.statements as StatementOf<typeof acceptanceStatement>[]; // what the verb answers with
    for (const bad of [new Uint8Array(1216).fill(0xff), new Uint8Array(1216), new Uint8Array(10)]) {
      const keys = known(acceptance).body.keys.map(([dealer, hash]): [number, Uint8Array] =>
        dealer === 2 ? [2, sha256(bad)] : [dealer, hash],
      );
      const other = await restate(acceptanceStatement, known(acceptance), parties.fiduciary(1).author, { keys });
      const attachments = [...answer.attachments.slice(0, 1), bad];
      expect(() => check(waiting, { statements: [other], attachments })).toThrow(refusal('key_invalid'));
    }
  });
});

test('a Deal without a sealed share for each', async () => {
  const waiting = await waitingFor('deal', 1);
  const [first = new Uint8Array(), ...others] = waiting.answer.attachments;
  for (const attachments of [others, [flipped(first), ...others], []]) {
    expect(() => check(waiting, { attachments })).toThrow(refusal('attachment_invalid'));
  }
});

test('one fiduciary alone answers with Deal and Confirmation at once, and nothing else', async () => {
  const waiting = await waitingFor('accept', 1, 1);
  const { statements } = waiting.answer;
  expect(statements.map(({ body }) => body.type)).toEqual(['deal', 'confirmation']);
  expect(() => check(waiting)).not.toThrow();
  for (const fewer of [statements.slice(0, 1), statements.slice(1), [...statements, ...statements]]) {
    expect(() => check(waiting, { statements: fewer })).toThrow(refusal('envelope_invalid'));
  }
});

test('one fiduciary alone confirms the setup of its own Deal, once', async () => {
  const waiting = await waitingFor('accept', 1, 1);
  const [deal, confirmation] = waiting.answer.statements as [
    StatementOf<typeof dealStatement>,
    StatementOf<typeof confirmationStatement>,
  ]; // what the verb answers with
  const { author } = waiting.parties.fiduciary(1);
  const other = await restate(confirmationStatement, confirmation, author, { transcript: anyHash() });
  expect(() => check(waiting, { statements: [deal, other] })).toThrow(refusal('transcript_mismatch', 'transcript'));
  const unproven = await restate(dealStatement, deal, author, { pop: randomBytes(64) });
  expect(() => check(waiting, { statements: [unproven, confirmation] })).toThrow(refusal('pop_invalid'));
  const again = await restate(confirmationStatement, confirmation, author);
  const evidence = waiting.parties.evidence.with(deal); // though the Deal came before
  const twice = { ...waiting.answer, statements: [confirmation, again] };
  expect(() => checkAnswer(waiting.parties.order, twice, evidence, [])).toThrow(
    refusal('envelope_invalid', 'exactly one confirmation'),
  );
});

describe('a Confirmation', () => {
  test.each([
    ['transcript', { transcript: anyHash() }],
    ['vector', { vector: anyHash() }],
  ])('of another %s', async (_, said) => {
    const waiting = await waitingFor('confirm', 1);
    const [confirmation] = waiting.answer.statements as StatementOf<typeof confirmationStatement>[]; // as above
    const { author } = waiting.parties.fiduciary(1);
    const other = await restate(confirmationStatement, known(confirmation), author, said);
    expect(() => check(waiting, { statements: [other] })).toThrow(refusal('transcript_mismatch'));
  });
});

test.each([
  ['manifest', 'beneficiary'],
  ['commit', 1],
  ['commit', 'beneficiary'],
  ['receipt', 1],
] as const)('an Acknowledged of %s by %s names what was sent', async (verb, to) => {
  const waiting = await waitingFor(verb, to);
  const [acknowledged] = waiting.answer.statements as StatementOf<typeof acknowledgedStatement>[]; // as above
  const { author } = to === 'beneficiary' ? waiting.parties.beneficiary : waiting.parties.fiduciary(to);
  const other = await restate(acknowledgedStatement, known(acknowledged), author, {
    statement: waiting.parties.order.ref,
  });
  expect(() => check(waiting, { statements: [other] })).toThrow(refusal('envelope_invalid'));
});

describe('a Released', () => {
  let waiting: Waiting;
  let released: StatementOf<typeof releasedStatement>;
  let author: Author;

  beforeAll(async () => {
    waiting = await waitingFor('release', 1);
    [released] = waiting.answer.statements as [typeof released]; // what the verb answers with
    author = waiting.parties.fiduciary(1).author;
  });

  /** A Released of this envelope, and the envelope. */
  const withEnvelope = async (sealed: Partial<NewEnvelope>, by = author, key = by.key) => {
    const { parties } = waiting;
    const { kem } = parties.evidence.one(enrolmentStatement).body;
    const { cid, bytes } = await sealEnvelope(
      {
        sender: by.identity,
        from: 'fiduciary',
        order: parties.order.ref,
        prev: [],
        log: false,
        recipients: [{ id: parties.beneficiary.author.identity.cid, role: 'beneficiary', kem }],
        statements: [randomBytes(300)],
        now: NOW,
        ...sealed,
      },
      key,
    );
    return { statement: await restate(releasedStatement, released, author, { envelope: cid }), bytes };
  };
  const offer = ({ statement, bytes }: Awaited<ReturnType<typeof withEnvelope>>) =>
    check(waiting, { statements: [statement] }, [bytes]);

  test('of another Redemption, member or envelope', async () => {
    const { ref } = waiting.parties.order;
    for (const said of [{ redemption: ref }, { index: 2 }, { envelope: ref }]) {
      const other = await restate(releasedStatement, released, author, said);
      expect(() => check(waiting, { statements: [other] })).toThrow(refusal('release_invalid'));
    }
  });

  test('with two envelopes: B would be asked with more than fits into a message', () => {
    const [envelope = new Uint8Array()] = waiting.envelopes;
    expect(() => check(waiting, {}, [envelope, envelope])).toThrow(refusal('release_invalid', 'one Release'));
  });

  test('with an envelope that P can see is no Release', async () => {
    const { parties } = waiting;
    const { keys, cid } = parties.beneficiary.author.identity;
    const { kem } = parties.evidence.one(enrolmentStatement).body;
    const own = { id: cid, role: 'beneficiary', kem } as const;
    expect(() => check(waiting, {}, [flipped(known(waiting.envelopes[0]))])).toThrow(refusal('envelope_invalid'));
    const honest = await withEnvelope({});
    expect(() => offer(honest)).not.toThrow(); // as far as P can see
    for (const sealed of [
      { log: true },
      { order: null },
      { recipients: [{ ...own, kem: keys.kem }] },
      { recipients: [{ ...own, id: parties.principal.identity.cid }] },
      { recipients: [own, { ...own, kem: keys.kem }] },
    ]) {
      const other = await withEnvelope(sealed);
      expect(() => offer(other)).toThrow(refusal('release_invalid', 'another'));
    }
    const unsigned = await withEnvelope({}, author, parties.fiduciary(2).author.key);
    expect(() => offer(unsigned)).toThrow(refusal('envelope_invalid', 'not by the sender'));
    const byOther = await withEnvelope({}, parties.fiduciary(2).author);
    expect(() => offer(byOther)).toThrow(refusal('release_invalid', 'another'));
  });

  test('with an envelope larger than any Release: a few of them would not fit into a message', async () => {
    const large = await withEnvelope({ statements: [randomBytes(8_000)] });
    expect(() => offer(large)).toThrow(refusal('release_invalid', 'one Release'));
  });
});

test.each([
  ['fewer good shares than the threshold', { good: [1] }],
  ['another Redemption', { redemption: 'other' }],
] as const)('a Receipt of %s', async (_, said) => {
  const waiting = await waitingFor('redeem', 'beneficiary');
  const [receipt] = waiting.answer.statements as StatementOf<typeof receiptStatement>[]; // as above
  const words = 'good' in said ? { good: [...said.good] } : { redemption: waiting.parties.order.ref };
  const other = await restate(receiptStatement, known(receipt), waiting.parties.beneficiary.author, words);
  expect(() => check(waiting, { statements: [other] })).toThrow(refusal('shares_insufficient'));
});

test('a Receipt that lies among the stored statements counts only as one that comes does', async () => {
  const { parties, answer } = await waitingFor('redeem', 'beneficiary');
  const [receipt] = answer.statements as StatementOf<typeof receiptStatement>[]; // as above
  const author = parties.principal;
  const after = async (stored: OrderStatement) =>
    (await advanceOrder(parties.order, parties.evidence.with(stored), [answer], { author }))?.order.state;
  const { author: f2 } = parties.fiduciary(2);
  const { author: b } = parties.beneficiary;
  expect(await after(await restate(receiptStatement, known(receipt), f2))).toBeUndefined();
  expect(await after(await restate(receiptStatement, known(receipt), b, { good: [1] }))).toBeUndefined();
  expect(await after(known(receipt))).toBe('released');
});

test('a Receipt of a Redemption that has expired meanwhile ends nothing, and keeps no other from ending', async () => {
  const { parties, answer } = await waitingFor('redeem', 'beneficiary');
  const author = parties.principal;
  const expired = expirePrincipalOrder(parties.order, [], known(parties.order.redemptionExpiresAt) + 1);
  const again = await startRedemption(expired, parties.evidence, { author });
  const evidence = parties.evidence.with(...again.keep, ...answer.statements);
  expect(await advanceOrder(expired, evidence, [answer], { author })).toBeNull();
  expect(await advanceOrder(again.order, evidence, [answer], { author })).toBeNull();
  const [receipt] = answer.statements as StatementOf<typeof receiptStatement>[]; // as above
  const second = await restate(receiptStatement, known(receipt), parties.beneficiary.author, {
    redemption: known(again.order.redemption),
  });
  const answers = [answer, { ...answer, statements: [second] }];
  const after = await advanceOrder(again.order, evidence.with(second), answers, { author });
  expect(after?.order.state).toBe('released');
  expect(after?.outgoing[0]?.statements).toContain(second);
});
