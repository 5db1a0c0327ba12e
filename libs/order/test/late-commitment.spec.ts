import { beforeEach, describe, expect, test } from '@jest/globals';
import { cidOf, type Cid } from '@dta/codec';
import { randomBytes } from '@dta/crypto';
import { IdentityDirectory, signStatement } from '@dta/identity';
import {
  acknowledgedStatement,
  affirmationStatement,
  affirmStatements,
  checkAnswer,
  commitEnrolment,
  commitOrder,
  confirmationStatement,
  dealStatement,
  acceptanceStatement,
  enrolmentStatement,
  Evidence,
  forwardStatement,
  renewCommitment,
  requestStatement,
  type Answer,
  type Author,
  type OrderStatement,
  type Owed,
  type PrincipalStep,
} from '../src/index.js';
import { restate } from './forge.js';
import { author, context, known, NOW, Parties, successor } from './parties.js';
import { refusal } from './refusal.js';

// A Commitment that arrives after the keys of who signed its evidence have changed.

let parties: Parties;
let directory: IdentityDirectory;
/** all that P has, before any keys change */
let before: Evidence;
let old: { p: Author; b: Author; f1: Author; f2: Author };

beforeEach(async () => {
  parties = await Parties.before('commit', 2);
  ({ directory, evidence: before } = parties);
  const [f1, f2] = parties.fiduciaries.map((fiduciary) => fiduciary.author);
  old = { p: parties.principal, b: parties.beneficiary.author, f1: known(f1), f2: known(f2) };
});

/** Everyone learns that a party has new keys. */
async function rotate(by: Author): Promise<Author> {
  const next = await successor(by);
  directory.add([next.identity.bytes]);
  return next;
}

const bytesOf = (statements: readonly OrderStatement[]) => statements.map(({ bytes }) => bytes);

/** What somebody who has stored `stored` reads. */
const read = (statements: readonly OrderStatement[], stored: readonly OrderStatement[] = []) =>
  Evidence.read(parties.order.ref, bytesOf(statements), {
    ...{ directory, now: NOW },
    stored: new Set(stored.map(({ cid }) => cid)),
  });

/** All that P has stored. */
const ofPrincipal = (...more: readonly OrderStatement[]) =>
  read([...parties.statements, ...more], [...parties.statements, ...more]);

const affirm = (by: Author, statements: readonly (OrderStatement | Cid)[], order: Cid = parties.order.ref) =>
  signStatement(
    affirmationStatement,
    {
      ...{ issuer: by.identity.cid, order, createdAt: NOW },
      statements: statements.map((said) => (typeof said === 'string' ? said : said.cid)),
    },
    [by.key],
  );

const forward = (by: Author, statements: readonly OrderStatement[]) =>
  signStatement(
    forwardStatement,
    {
      ...{ issuer: by.identity.cid, order: parties.order.ref, createdAt: NOW },
      statements: statements.map(({ cid }) => cid),
    },
    [by.key],
  );

describe('a statement whose author has new keys since', () => {
  let confirmation: OrderStatement;
  let other: OrderStatement;
  let next: Author;

  beforeEach(async () => {
    const [first, second] = before.all(confirmationStatement);
    [confirmation, other] = [known(first), known(second)];
    next = await rotate(old.f1);
  });

  test('is refused by who has not stored it, and taken with an Affirmation by its newest document', async () => {
    const frozen = refusal('identity_frozen', '', { identity: old.f1.identity.cid });
    expect(() => read([confirmation])).toThrow(frozen);
    expect(read([confirmation], [confirmation]).statements).toEqual([confirmation]);
    const affirmation = await affirm(next, [confirmation]);
    expect(read([confirmation, affirmation]).statements).toHaveLength(2);
    expect(read([affirmation, confirmation]).statements).toHaveLength(2);
  });

  test('is refused with an Affirmation by the old document, by anyone else, of something else or of another order', async () => {
    const frozen = refusal('identity_frozen');
    expect(() => read([confirmation, other])).toThrow(frozen);
    for (const by of [old.f1, old.f2, old.p, old.b]) {
      const affirmation = await affirm(by, [confirmation]);
      expect(() => read([confirmation, affirmation])).toThrow(frozen);
    }
    const ofOther = await affirm(next, [other]);
    expect(() => read([confirmation, ofOther])).toThrow(frozen);
    const elsewhere = await affirm(next, [confirmation], other.cid);
    expect(() => read([confirmation, elsewhere])).toThrow(refusal('envelope_invalid', 'another order'));
    const forged = { ...(await affirm(next, [confirmation])), bytes: (await affirm(next, [confirmation])).bytes };
    const bent = Uint8Array.from(forged.bytes, (byte, at) => (at === forged.bytes.length - 1 ? byte ^ 1 : byte));
    expect(() => read([confirmation, { ...forged, bytes: bent }])).toThrow(refusal('signature_invalid'));
  });

  test('is refused once the Affirmation itself is by an old document, unless another affirms it', async () => {
    const affirmation = await affirm(next, [confirmation]);
    const third = await rotate(next);
    expect(() => read([confirmation, affirmation])).toThrow(refusal('identity_frozen'));
    expect(read([confirmation, await affirm(third, [confirmation])]).statements).toHaveLength(2);
    // nor by an old one that is stored, or affirmed itself: its key may have been stolen before it made this
    expect(() => read([confirmation, affirmation], [affirmation])).toThrow(refusal('identity_frozen'));
    const ofAffirmation = await affirm(third, [affirmation]);
    expect(() => read([confirmation, affirmation, ofAffirmation])).toThrow(refusal('identity_frozen'));
  });

  test('is refused in whatever way it is affirmed where the chain is frozen or revoked', async () => {
    const affirmation = await affirm(next, [confirmation]);
    const thief = await successor(old.f1);
    directory.add([thief.identity.bytes]);
    expect(() => read([confirmation, affirmation])).toThrow(refusal('identity_frozen', '', { standing: 'frozen' }));
    const revoked = new IdentityDirectory();
    revoked.add([...parties.identities, next.identity].map(({ bytes }) => bytes));
    revoked.revoke(old.f1.identity.cid);
    const taken = () =>
      Evidence.read(parties.order.ref, bytesOf([confirmation, affirmation]), {
        ...{ directory: revoked, stored: new Set<Cid>(), now: NOW },
      });
    expect(taken).toThrow(refusal('identity_frozen', '', { standing: 'revoked' }));
  });
});

describe('a node that is asked to affirm', () => {
  let own: readonly OrderStatement[];
  let next: Author;
  /** what F1 has stored */
  let stored: readonly OrderStatement[];

  beforeEach(async () => {
    const of1 = (statements: readonly OrderStatement[]) =>
      statements.filter(({ body }) => body.issuer === old.f1.identity.cid);
    own = [acceptanceStatement, dealStatement, confirmationStatement].flatMap(
      (type) => of1(before.all(type) as readonly OrderStatement[]), // each is of an order
    );
    stored = [before.request, ...own];
    next = await rotate(old.f1);
  });

  const ask = async (statements: readonly OrderStatement[], by = old.p, named = statements) =>
    affirmStatements(
      'as it is',
      read([await forward(by, named), before.request, ...statements], stored),
      context(next),
    );

  test('stands by its own that it has stored, and changes nothing', async () => {
    expect(own).toHaveLength(3);
    const { order, reply, keep, erase, secrets, repeats } = await ask(own);
    expect([order, erase, secrets, repeats]).toEqual(['as it is', [], [], true]);
    expect(reply).toEqual(keep);
    const [affirmation] = reply;
    expect(affirmation?.body).toMatchObject({
      ...{ type: 'affirmation', issuer: next.identity.cid, statements: own.map(({ cid }) => cid) },
    });
    expect(read([...own, known(affirmation)]).statements).toHaveLength(4);
  });

  test('stands by nothing that the old key has made since', async () => {
    const [confirmation] = before.all(confirmationStatement);
    const forged = await restate(confirmationStatement, known(confirmation), old.f1);
    await expect(ask([...own, forged])).rejects.toThrow(refusal('identity_frozen'));
    const unknown = await restate(confirmationStatement, known(confirmation), next);
    await expect(ask([unknown])).rejects.toThrow(refusal('order_state_conflict', '', { statement: unknown.cid }));
  });

  test("stands by nobody else's, and answers the order's principal alone", async () => {
    const [, byOther] = before.all(confirmationStatement);
    await expect(ask([known(byOther)])).rejects.toThrow(refusal('signature_invalid'));
    await expect(ask(own, old.f2)).rejects.toThrow(refusal('signature_invalid'));
  });

  test('stands by its part of the setup alone', async () => {
    const said = await signStatement(
      acknowledgedStatement,
      { issuer: old.f1.identity.cid, order: parties.order.ref, createdAt: NOW, statement: parties.order.ref },
      [old.f1.key],
    );
    stored = [...stored, said];
    await expect(ask([said])).rejects.toThrow(refusal('envelope_invalid', 'acknowledged is not affirmed'));
  });

  test('goes by what is named and there', async () => {
    await expect(ask(own, old.p, own.slice(1))).rejects.toThrow(refusal('envelope_invalid', 'other statements'));
    await expect(ask(own.slice(1), old.p, own)).rejects.toThrow(refusal('envelope_invalid', 'other statements'));
    const asMany = [...own.slice(1), before.request];
    await expect(ask(own, old.p, asMany)).rejects.toThrow(refusal('envelope_invalid', 'other statements'));
    const request = read([before.request], stored);
    await expect(affirmStatements('', request, context(next))).rejects.toThrow(refusal('envelope_invalid'));
  });
});

describe('P, whose Commitment is refused', () => {
  const owed = (verb: Owed['verb'], party: Author, lastError: string | null = 'identity_frozen'): Owed => ({
    ...{ party: party.identity.cid, role: party.identity.roles[0] ?? 'principal', verb, lastError, current: true },
    sealed: true,
  });
  const lateToAll = () => [owed('commit', old.b), owed('commit', old.f1, 'timeout'), owed('commit', old.f2, null)];
  const renew = (by: Author, late: readonly Owed[], said: readonly OrderStatement[] = []) =>
    renewCommitment(parties.order, ofPrincipal(...said), late, context(by));

  /** What everyone makes of the Commitment that a step sends; each has stored what it was sent before. */
  async function takeAll(step: PrincipalStep | null): Promise<void> {
    const { outgoing } = known(step);
    const { statements } = known(outgoing[0]);
    expect(outgoing.map((one) => one.statements)).toEqual(Array(3).fill(statements));
    const addressees = outgoing.flatMap((one) => one.addressees);
    expect(addressees.map(({ party, verb }) => [party, verb])).toEqual(
      [old.b, old.f1, old.f2].map(({ identity }) => [identity.cid, 'commit']),
    );
    expect(known(step)).toMatchObject({ closes: ['commit', 'affirm'], settled: null, order: parties.order });
    const { request } = before;
    const atBeneficiary = read(statements, [request, before.one(enrolmentStatement)]);
    const { order } = await commitEnrolment(known(parties.beneficiary.order), atBeneficiary, context(old.b));
    expect(order).toMatchObject({ state: 'committed', commitment: parties.order.commitment });
    for (const { author, order: atFiduciary } of parties.fiduciaries) {
      const taken = await commitOrder(known(atFiduciary), read(statements, [request]), context(author));
      expect(taken.order.state).toBe('committed');
    }
  }

  test('does nothing where no author has new keys, or no party refuses it for that', async () => {
    expect(await renew(old.p, lateToAll())).toBeNull();
    await rotate(old.f1);
    expect(await renew(old.p, [owed('commit', old.b, 'timeout'), owed('receipt', old.f1)])).toBeNull();
    expect(await renew(old.p, [])).toBeNull();
  });

  test('affirms what it said itself, and sends it again, once', async () => {
    const next = await rotate(old.p);
    const step = await renew(next, lateToAll());
    const [affirmation] = known(step).keep;
    expect(affirmation?.body).toMatchObject({ type: 'affirmation', issuer: next.identity.cid });
    await takeAll(step);
    expect(await renew(next, lateToAll(), known(step).keep)).toBeNull(); // refused for another reason
  });

  test('asks each other author with new keys, waits for all of them, then sends it again', async () => {
    const next = { p: await rotate(old.p), f1: await rotate(old.f1), f2: await rotate(old.f2), b: await rotate(old.b) };
    const step = known(await renew(next.p, lateToAll()));
    expect(step.closes).toBeUndefined();
    const asked = step.outgoing.map(({ statements: [first, request, ...own], addressees }) => ({
      ...{ forward: known(first), request, own, party: known(addressees[0]).party, verb: addressees[0]?.verb },
    }));
    expect(asked.map(({ verb }) => verb)).toEqual(Array(3).fill('affirm'));
    expect(asked.map(({ own }) => own.map(({ body }) => body.type))).toEqual(
      expect.arrayContaining([['enrolment'], ...Array<string[]>(2).fill(['acceptance', 'deal', 'confirmation'])]),
    );
    const said: OrderStatement[] = [...step.keep];
    const waiting = lateToAll();
    for (const [at, { party, own, forward: question, request }] of asked.entries()) {
      const who = known([next.f1, next.f2, next.b].find(({ identity }) => directory.sameChain(identity.cid, party)));
      const open = asked.slice(at).map((one): Owed => ({ ...owed('affirm', old.b, null), party: one.party }));
      expect(await renew(next.p, [...waiting, ...open], said)).toBeNull();
      const evidence = read([question, known(request), ...own], [known(request), ...own]);
      const { reply } = await affirmStatements('', evidence, context(who));
      const answer: Answer = { party, verb: 'affirm', statements: reply, attachments: [] };
      checkAnswer(parties.order, answer, ofPrincipal(...said), []);
      said.push(...reply);
    }
    expect(await renew(next.p, [owed('commit', old.b, 'timeout')], said)).toBeNull(); // away again
    const sent = known(await renew(next.p, waiting, said));
    await takeAll(sent);
    expect(await renew(next.p, waiting, [...said, ...sent.keep])).toBeNull(); // refused for another reason
  });

  test('asks all anew where a question was by or to keys that have changed since', async () => {
    await rotate(old.f1);
    await rotate(old.f2);
    const first = known(await renew(old.p, lateToAll()));
    const open = [owed('affirm', old.f1, null), owed('affirm', old.f2, 'timeout')];
    expect(await renew(old.p, [...lateToAll(), ...open], first.keep)).toBeNull();
    const outdated = open.map((question, at) => ({ ...question, current: at === 0 }));
    const again = known(await renew(old.p, [...lateToAll(), ...outdated], first.keep));
    expect(again.closes).toEqual(['affirm']);
    expect(again.outgoing.flatMap(({ addressees }) => addressees.map(({ party }) => party))).toEqual(
      [old.f1, old.f2].map(({ identity }) => identity.cid),
    );
  });

  test('asks again where keys have changed once more', async () => {
    const next = await rotate(old.f1);
    const first = known(await renew(old.p, lateToAll()));
    const own = known(first.outgoing[0]).statements.slice(2);
    const said = [...first.keep, await affirm(next, own)];
    await rotate(next);
    const again = known(await renew(old.p, lateToAll(), said));
    expect(known(again.outgoing[0]).statements.slice(2)).toEqual(own);
  });

  test('goes by the refusal of a Redemption as well', async () => {
    await rotate(old.f1);
    for (const verb of ['release', 'redeem'] as const) {
      expect(await renew(old.p, [owed(verb, old.b), owed('commit', old.b, 'service_unavailable')])).not.toBeNull();
      expect(await renew(old.p, [owed(verb, old.b, 'timeout'), owed('commit', old.b, 'timeout')])).toBeNull();
    }
  });

  test('takes questions back that nobody needs an answer to', async () => {
    await rotate(old.f1);
    const question = owed('affirm', old.f1, 'timeout');
    const { keep } = known(await renew(old.p, lateToAll()));
    const back = { keep: [], outgoing: [], closes: ['affirm'], order: parties.order };
    expect(await renew(old.p, [question], keep)).toMatchObject(back); // all have the Commitment
    directory.revoke(old.f1.identity.cid);
    expect(await renew(old.p, [...lateToAll(), question], keep)).toMatchObject(back);
  });

  test('sends one Affirmation of each chain, the first', async () => {
    const next = await rotate(old.f1);
    const { keep, outgoing } = known(await renew(old.p, lateToAll()));
    const own = known(outgoing[0]).statements.slice(2);
    const twice = [await affirm(next, own), await affirm(next, own)];
    const sent = known(await renew(old.p, lateToAll(), [...keep, ...twice]));
    const affirmations = known(sent.outgoing[0]).statements.filter(({ body }) => body.type === 'affirmation');
    expect(affirmations.map(({ cid }) => cid)).toEqual([known(twice[0]).cid]);
    expect(await renew(old.p, lateToAll(), [...keep, ...twice, ...sent.keep])).toBeNull();
  });

  test('sends no Affirmation by a document that has a successor', async () => {
    const next = await rotate(old.f1);
    const { keep, outgoing } = known(await renew(old.p, lateToAll()));
    const own = known(outgoing[0]).statements.slice(2);
    const outdated = await affirm(next, own);
    const standing = await affirm(await rotate(next), own);
    const sent = known(await renew(old.p, lateToAll(), [...keep, outdated, standing]));
    const affirmations = known(sent.outgoing[0]).statements.filter(({ body }) => body.type === 'affirmation');
    expect(affirmations.map(({ cid }) => cid)).toEqual([standing.cid]);
  });

  test('keeps its own Affirmation where all others are asked already', async () => {
    await rotate(old.f1);
    const { keep } = known(await renew(old.p, lateToAll()));
    const next = await rotate(old.p);
    const step = known(await renew(next, [...lateToAll(), owed('affirm', old.f1, null)], keep));
    expect(step.keep.map(({ body }) => [body.type, body.issuer])).toEqual([['affirmation', next.identity.cid]]);
    expect(step.outgoing).toEqual([]);
  });

  test('asks nobody whose chain is over', async () => {
    await rotate(old.f1);
    directory.revoke(old.f1.identity.cid);
    expect(await renew(old.p, lateToAll())).toBeNull();
  });

  test('takes no answer of somebody else, to something else, or with more in it', async () => {
    const next = await rotate(old.f1);
    const { keep, outgoing } = known(await renew(old.p, lateToAll()));
    const own = known(outgoing[0]).statements.slice(2);
    const check = (statements: readonly OrderStatement[], envelopes: readonly Uint8Array[] = []) =>
      checkAnswer(
        parties.order,
        { party: old.f1.identity.cid, verb: 'affirm', statements, attachments: [] },
        ofPrincipal(...keep),
        envelopes,
      );
    const good = await affirm(next, own);
    expect(() => check([good])).not.toThrow();
    expect(() => check([good], [new Uint8Array(1)])).toThrow(refusal('envelope_invalid'));
    const others = await Promise.all([
      affirm(next, own.slice(1)),
      affirm(next, [...own, cidOf(randomBytes(8))]),
      affirm(next, before.all(acceptanceStatement)), // as the Forward of an earlier step names them
      affirm(next, [...own, ...before.all(acceptanceStatement)]),
    ]);
    for (const other of others) expect(() => check([other])).toThrow(refusal('envelope_invalid', 'asked for'));
    const stranger = await author('stranger', 'fiduciary');
    directory.add([stranger.identity.bytes]);
    for (const by of [old.f2, stranger]) {
      const answer = await affirm(by, own);
      expect(() => check([answer])).toThrow(refusal('signature_invalid'));
    }
    const again = await affirm(next, own);
    expect(() => check([good, again])).toThrow(refusal('envelope_invalid', 'more or less'));
    const request = await restate(requestStatement, before.request, old.f1);
    expect(() => check([request])).toThrow(refusal('envelope_invalid', 'exactly one'));
  });
});
