import { beforeEach, describe, expect, test } from '@jest/globals';
import type { StatementOf } from '@dta/identity';
import {
  type affirmationStatement,
  affirmStatements,
  commitEnrolment,
  commitmentStatement,
  commitOrder,
  Evidence,
  expireRedemption,
  manifestStatement,
  releaseShare,
  renewCommitment,
  startRedemption,
  type Author,
  type OrderStatement,
  type Owed,
  type PrincipalStep,
} from '../src/index.js';
import { signAffirmation } from '../src/affirmation.js';
import { restate } from './forge.js';
import { context, known, NOW, Parties, successor } from './parties.js';
import { refusal } from './refusal.js';

// The Commitment is owed to each party that lacks it for as long as the order can be redeemed, whatever became of the
// message that P sent first: a secret that was reported as committed must stay one that P can redeem.

const YEAR = 365 * 24 * 60 * 60_000;

let parties: Parties;

const bytesOf = (statements: readonly OrderStatement[]) => statements.map(({ bytes }) => bytes);

/** What a party that has stored `stored` reads. */
const read = (statements: readonly OrderStatement[], stored: readonly OrderStatement[]) =>
  Evidence.read(parties.order.ref, bytesOf(statements), {
    ...{ directory: parties.directory, now: parties.now },
    stored: new Set(stored.map(({ cid }) => cid)),
  });

/** All that P has stored. */
const ofPrincipal = () => read(parties.statements, parties.statements);

/** P begins a redemption, and has stored what it signed. */
async function redeem(by: Author = parties.principal): Promise<PrincipalStep> {
  const step = await startRedemption(parties.order, ofPrincipal(), context(by));
  parties.order = step.order;
  parties.statements.push(...step.keep);
  return step;
}

/** The Redemption runs out, unanswered. */
function expire(): void {
  parties.now += 6 * 60_000;
  parties.order = expireRedemption(parties.order, parties.now);
  expect(parties.order.state).toBe('committed');
}

/** Everyone learns that a party has new keys. */
async function rotate(by: Author): Promise<Author> {
  const next = await successor(by);
  parties.directory.add([next.identity.bytes]);
  return next;
}

const owed = (verb: Owed['verb'], party: Author, said: Partial<Owed> = {}): Owed => ({
  ...{ party: party.identity.cid, role: party.identity.roles[0] ?? 'principal', verb },
  ...{ lastError: 'identity_frozen', current: true, sealed: true, ...said },
});

const renew = async (deliveries: readonly Owed[], by: Author = parties.principal): Promise<PrincipalStep | null> => {
  const step = await renewCommitment(parties.order, ofPrincipal(), deliveries, context(by));
  parties.statements.push(...(step?.keep ?? []));
  return step;
};

const toWhom = ({ outgoing }: PrincipalStep) =>
  outgoing.flatMap(({ addressees }) => addressees.map(({ party, verb }) => [verb, party]));

/** All that a fiduciary has stored before the Commitment comes. */
const beforeCommitment = (member: Author) =>
  parties.statements.filter(
    ({ body }) =>
      ['request', 'enrolment', 'manifest'].includes(body.type) ||
      (body.issuer === member.identity.cid && body.type !== 'acknowledged'),
  );

describe('a Commitment that P signed anew, its clock having been ahead,', () => {
  let first: OrderStatement;
  let step: PrincipalStep;

  beforeEach(async () => {
    parties = await Parties.of(2);
    parties.held.add('manifest').add('commit');
    const send = parties.send.bind(parties);
    let confirmed = 0;
    parties.send = async (message) => {
      const reply = await send(message);
      if (message.addressee.verb === 'confirm' && (confirmed += 1) === 2) parties.now = NOW + YEAR;
      return reply;
    };
    await parties.place();
    parties.now = NOW;
    first = ofPrincipal().get(commitmentStatement, known(parties.order.certificate));
    step = await redeem();
  });

  const messageOf = (verb: string) =>
    known(step.outgoing.find(({ addressees }) => addressees.some((addressee) => addressee.verb === verb))).statements;

  test('is owed to everyone in the place of the first', () => {
    const all = [...parties.fiduciaries, parties.beneficiary].map(({ author }) => ['commit', author.identity.cid]);
    expect(step.closes).toEqual(['commit']);
    expect(toWhom(step).filter(([verb]) => verb === 'commit')).toEqual(all);
    expect(messageOf('commit')[0]?.cid).toBe(parties.order.certificate);
  });

  test('is acknowledged by parties that took the first', async () => {
    const { beneficiary } = parties;
    const member = parties.fiduciary(1);
    const old = [first, ...messageOf('commit').slice(1)];
    const atBeneficiary = beneficiary.take(
      await commitEnrolment(known(beneficiary.order), read(old, old), context(beneficiary.author)),
    );
    const atMember = member.take(await commitOrder(known(member.order), read(old, old), context(member.author)));
    const again = read(messageOf('commit'), old);
    const acknowledgements = [
      await commitEnrolment(atBeneficiary.order, again, context(beneficiary.author)),
      await commitOrder(atMember.order, again, context(member.author)),
    ];
    for (const { reply } of acknowledgements)
      expect(reply[0]?.body).toMatchObject({ type: 'acknowledged', statement: parties.order.certificate });
  });

  test('is stored by a committed member that releases by it, with whatever else it lacks', async () => {
    const member = parties.fiduciary(1);
    const old = [first, ...messageOf('commit').slice(1)];
    member.take(await commitOrder(known(member.order), read(old, old), context(member.author)));
    const evidence = read(messageOf('release'), old);
    const { order, keep } = await releaseShare(known(member.order), evidence, member.open, context(member.author));
    expect(keep.map(({ cid }) => cid)).toEqual([order.commitment, parties.order.redemption]);
  });

  test('needs no Affirmation where it is by the new keys itself', async () => {
    expire();
    parties.order = { ...parties.order, certificate: first.cid };
    step = await redeem(await rotate(parties.principal));
    const [commitment, affirmation] = step.keep;
    const { request } = ofPrincipal();
    const manifest = ofPrincipal().one(manifestStatement);
    expect(commitment?.cid).toBe(parties.order.certificate);
    expect(affirmation?.body).toMatchObject({ type: 'affirmation', statements: [request.cid, manifest.cid] });
  });

  test('is taken with a later Redemption, though P has new keys since, by a party that lacks it', async () => {
    expire();
    const next = await rotate(parties.principal);
    step = await redeem(next);
    const member = parties.fiduciary(1);
    const lacksIt = messageOf('release').filter(
      ({ body }) => !['commitment', 'redemption', 'affirmation'].includes(body.type),
    );
    const evidence = read(messageOf('release'), lacksIt);
    const { order } = await releaseShare(known(member.order), evidence, member.open, context(member.author));
    expect(order.commitment).toBe(parties.order.certificate);
  });
});

test('a Redemption by new keys of P carries its one Affirmation of what the old ones signed, each time', async () => {
  parties = await Parties.before('commit', 2);
  const { author } = parties.fiduciary(1);
  const [own, byOther] = [parties.principal, author].map(({ identity }) =>
    ofPrincipal().statements.filter(({ body }) => body.issuer === identity.cid),
  );
  const named = known(own).filter(({ body }) => body.type !== 'forward');
  const affirmed = known(byOther).filter(({ body }) => body.type !== 'acknowledged');
  const other = await rotate(author);
  parties.statements.push(await signAffirmation(affirmed, ofPrincipal(), other)); // before P's own
  const next = await rotate(parties.principal);
  const affirmationsIn = (statements: readonly OrderStatement[]) =>
    statements.filter(({ body }) => body.type === 'affirmation');
  const first = await redeem(next);
  const [affirmation, ...more] = affirmationsIn(first.keep);
  expect(more).toEqual([]);
  expect(affirmation?.body.issuer).toBe(next.identity.cid);
  const said = new Set((affirmation as StatementOf<typeof affirmationStatement>).body.statements); // by its type
  expect(said).toEqual(new Set(named.map(({ cid }) => cid)));
  expire();
  const second = await redeem(next);
  expect(second.closes).toBeUndefined(); // a Commitment that is owed stays so
  for (const statements of [second.keep, known(second.outgoing[0]).statements])
    expect(affirmationsIn(statements).map(({ cid }) => cid)).toEqual([affirmation?.cid]);
});

test('another Commitment of a transcript that is committed already is a repeat, however often P signs one', async () => {
  parties = await Parties.before('commit', 2);
  const { beneficiary, principal } = parties;
  const member = parties.fiduciary(1);
  const { statements } = parties.message('commit', 1);
  const commitment = ofPrincipal().get(commitmentStatement, known(parties.order.certificate));
  const again = [await restate(commitmentStatement, commitment, principal), ...statements.slice(1)];
  const [stored, none] = [read(again, statements), read(again, beforeCommitment(member.author))];
  const commitTo = {
    fiduciary: (evidence: Evidence) => commitOrder(known(member.order), evidence, context(member.author)),
    beneficiary: (evidence: Evidence) =>
      commitEnrolment(known(beneficiary.order), evidence, context(beneficiary.author)),
  };
  for (const commit of Object.values(commitTo)) expect((await commit(none)).repeats).toBe(false);
  expect((await commitTo.beneficiary(read(statements, statements))).repeats).toBe(false); // it knows no Y yet
  member.take(await commitTo.fiduciary(read(statements, [])));
  beneficiary.take(await commitTo.beneficiary(read(statements, [])));
  for (const commit of Object.values(commitTo)) expect((await commit(stored)).repeats).toBe(true);
  expect((await commitTo.fiduciary(none)).repeats).toBe(false); // of another transcript it lacks the Confirmations
  await expect(commitTo.beneficiary(none)).rejects.toThrow(refusal('order_state_conflict'));
});

describe('P, whose Redemption is refused by a party that it owes no Commitment,', () => {
  let old: { b: Author; f1: Author; f2: Author };

  beforeEach(async () => {
    parties = await Parties.before('commit', 2);
    const [f1, f2] = parties.fiduciaries.map(({ author }) => author);
    old = { b: parties.beneficiary.author, f1: known(f1), f2: known(f2) };
  });

  test('sends the Commitment to that party with the Affirmations that it takes', async () => {
    const next = await rotate(old.f1);
    const { outgoing } = await redeem();
    const { statements } = known(outgoing[0]);
    expect(() => read(statements, beforeCommitment(old.f2))).toThrow(refusal('identity_frozen'));
    const asked = known(await renew([owed('release', old.f2)]));
    expect(toWhom(asked)).toEqual([['affirm', old.f1.identity.cid]]);
    const question = known(asked.outgoing[0]).statements;
    const { reply } = await affirmStatements('', read(question, question.slice(1)), context(next));
    parties.statements.push(...reply);
    const sent = known(await renew([owed('release', old.f2)]));
    expect(toWhom(sent)).toEqual([['commit', old.f2.identity.cid]]);
    const evidence = read(known(sent.outgoing[0]).statements, beforeCommitment(old.f2));
    const taken = await commitOrder(known(parties.fiduciary(2).order), evidence, context(old.f2));
    expect(taken.order.state).toBe('committed');
    expect(() => read(statements, [...beforeCommitment(old.f2), ...taken.keep])).not.toThrow();
  });

  test('sends the same to each such party once', async () => {
    const next = await rotate(parties.principal);
    await redeem(next);
    const [toF2, toB] = [owed('release', old.f2), owed('redeem', old.b)];
    const sent = known(await renew([toF2], next));
    expect(await renew([toF2], next)).toBeNull(); // refused for another reason
    expect(toWhom(known(await renew([toF2, toB], next)))).toEqual([['commit', old.b.identity.cid]]);
    expect(await renew([toF2, toB], next)).toBeNull();
    expect(toWhom(sent)).toEqual([['commit', old.f2.identity.cid]]);
  });

  test('sends it again with an Affirmation more', async () => {
    const next = await rotate(parties.principal);
    await redeem(next);
    const late = [owed('release', old.f2)];
    known(await renew(late, next));
    const f1 = await rotate(old.f1);
    const question = known(known(await renew(late, next)).outgoing[0]).statements;
    const { reply } = await affirmStatements('', read(question, question.slice(1)), context(f1));
    parties.statements.push(...reply);
    expect(toWhom(known(await renew(late, next)))).toEqual([['commit', old.f2.identity.cid]]);
    expect(await renew(late, next)).toBeNull();
  });

  test('sends it to each once, and to none that refuses something else, or for another reason', async () => {
    const next = await rotate(parties.principal);
    await redeem(next);
    const others = [owed('release', old.f1, { lastError: 'timeout' }), owed('receipt', old.f1), owed('affirm', old.f1)];
    const sent = known(await renew([...others, owed('release', old.f2), owed('commit', old.f2)], next));
    expect(toWhom(sent)).toEqual([['commit', old.f2.identity.cid]]);
  });

  test('does nothing where no author has new keys, or where the Redemption itself is by old ones', async () => {
    await redeem();
    expect(await renew([owed('release', old.f2)])).toBeNull();
    const next = await rotate(parties.principal);
    expect(await renew([owed('release', old.f2), owed('redeem', old.b)], next)).toBeNull();
  });
});

describe('a Commitment that is owed to a party which was frozen', () => {
  let [b, f2]: Author[] = [];
  let late: Owed;

  beforeEach(async () => {
    parties = await Parties.of(2);
    const { beneficiary, directory } = parties;
    const first = beneficiary.author;
    b = Object.assign(beneficiary, { author: await rotate(first) }).author; // before it signs anything
    f2 = parties.fiduciary(2).author;
    parties.held.add('commit');
    await parties.place();
    await rotate(first);
    expect(directory.standingOf(b.identity.cid)).toBe('frozen');
    late = owed('commit', b, { sealed: false });
  });

  test('is sealed to it when it is frozen no more, though nothing needs to be affirmed', async () => {
    expect(await renew([late])).toBeNull();
    parties.directory.decide(known(b).identity.cid, 'operator');
    const sent = known(await renew([late]));
    expect(toWhom(sent)).toEqual([['commit', known(b).identity.cid]]);
    expect(await renew([{ ...late, sealed: true }])).toBeNull();
  });

  test('stays owed to it where it is sent to others again meanwhile', async () => {
    const next = await rotate(parties.principal);
    const sent = known(await renew([late, owed('commit', known(f2))], next));
    expect(toWhom(sent)).toEqual([b, f2].map((party) => ['commit', known(party).identity.cid]));
    expect(await renew([late], next)).toBeNull();
    parties.directory.decide(known(b).identity.cid, 'operator');
    expect(await renew([late], next)).not.toBeNull();
  });
});
