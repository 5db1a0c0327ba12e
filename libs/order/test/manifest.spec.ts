import { beforeAll, describe, expect, test } from '@jest/globals';
import { ascii, cidToBytes, u32, type Cid } from '@dta/codec';
import { addScalars, addVectors, randomBytes, scalarFromBytes, scalarToBytes, sha256, secp256k1 } from '@dta/crypto';
import type { StatementOf } from '@dta/identity';
import {
  acceptanceStatement,
  advanceOrder,
  confirmationStatement,
  confirmOrder,
  dealStatement,
  enrolmentStatement,
  manifestStatement,
  publicShare,
  requestStatement,
  type Author,
  type Outcome,
} from '../src/index.js';
import { signDeal } from '../src/deal.js';
import { firstSetup } from '../src/setup.js';
import { verifyAcceptances } from '../src/transcript.js';
import { replaced, restate, without, withMore } from './forge.js';
import { context, known, NOW, Parties, type Sent, setupIn } from './parties.js';
import { refusal } from './refusal.js';

type Manifest = StatementOf<typeof manifestStatement>;
type Rows = Manifest['body'];

const SETUP_BY = NOW + 15 * 60_000;

let parties: Parties;
let manifest: Manifest;
/** to F1 and to B: the same envelope, so both must refuse the same */
let messages: readonly Sent[];

beforeAll(async () => {
  parties = await Parties.of(3);
  parties.held.add('confirm').add('manifest');
  await parties.place({ minDealers: 2 });
  manifest = parties.evidence.one(manifestStatement);
  messages = [parties.message('confirm', 1), parties.message('manifest', 'beneficiary')];
});

const byPrincipal = (said: Partial<Rows>) => restate(manifestStatement, manifest, parties.principal, said);
const rows = (): Rows => manifest.body;

async function refuses(said: Partial<Rows>, code: Parameters<typeof refusal>[0], words = ''): Promise<void> {
  const other = await byPrincipal(said);
  for (const message of messages) {
    await expect(parties.ask(replaced(message, manifest, other))).rejects.toThrow(refusal(code, words));
  }
}

test('the honest Manifest, in another wording, is taken', async () => {
  const other = await byPrincipal({});
  for (const message of messages) {
    await expect(parties.ask(replaced(message, manifest, other))).resolves.toBeDefined();
  }
});

test('two of three are enough where minDealers says so: their deals alone make the key', async () => {
  const [first = '', second = ''] = rows().members.map(([, member]) => member);
  expect([first, second]).not.toContain('');
  const two = await byPrincipal({ members: rows().members.slice(0, 2), deals: rows().deals.slice(0, 2) });
  const message = replaced(known(messages[0]), manifest, two);
  await expect(parties.ask(message)).resolves.toBeDefined();
  const setup = setupIn(parties.read(message.statements.map(({ bytes }) => bytes)));
  expect(setup.members).toEqual([1, 2]);
  expect(setup.commitment).not.toEqual(setupIn(parties.evidence).commitment);
});

test('P names the Deals in the order of their dealers, in whatever order they come', async () => {
  const waiting = await Parties.before('deal', 2);
  const answers = await Promise.all(
    [2, 1].map(async (to) => {
      const message = waiting.message('deal', to);
      const { reply, attachments } = await waiting.ask(message);
      return { party: message.addressee.party, verb: 'deal', statements: reply, attachments } as const;
    }),
  );
  const evidence = waiting.evidence.with(...answers.flatMap(({ statements }) => statements));
  const step = known(await advanceOrder(waiting.order, evidence, answers, context(waiting.principal)));
  const [said] = step.keep as StatementOf<typeof manifestStatement>[]; // what it signs
  expect(known(said).body.deals.map(([dealer]) => dealer)).toEqual([1, 2]);
});

test('by another chain than the principal', async () => {
  for (const by of [parties.beneficiary.author, parties.fiduciary(1).author]) {
    const other = await restate(manifestStatement, manifest, by);
    for (const message of messages) {
      await expect(parties.ask(replaced(message, manifest, other))).rejects.toThrow(refusal('signature_invalid'));
    }
  }
});

describe('lists that do not fit: transcript_mismatch', () => {
  const [one, two, three] = [0, 1, 2] as const;
  const swap = <Row extends readonly unknown[]>(list: readonly Row[], at: number, row: Row) =>
    list.map((other, place) => (place === at ? row : other));

  test.each<[string, () => Partial<Rows>]>([
    ['a member without a deal', () => ({ deals: rows().deals.slice(0, 2) })],
    ['a deal without a member', () => ({ members: rows().members.slice(0, 2) })],
    ['other members than dealers', () => ({ members: rows().members.slice(0, 2), deals: rows().deals.slice(1) })],
    ['fewer dealers than minDealers', () => ({ members: rows().members.slice(0, 1), deals: rows().deals.slice(0, 1) })],
    ['nobody', () => ({ members: [], deals: [] })],
    ["another's deal under an index", () => ({ deals: swap(rows().deals, one, [1, known(rows().deals[two])[1]]) })],
    ['a deal that is not there', () => ({ deals: swap(rows().deals, two, [2, parties.order.ref]) })],
    ['another fiduciary under an index', () => ({ members: swap(rows().members, one, [1, at(two)[1], at(one)[2]]) })],
    ["another's Acceptance", () => ({ members: swap(rows().members, three, [3, at(three)[1], at(one)[2]]) })],
    ['a member that did not accept', () => ({ members: swap(rows().members, two, [2, at(two)[1], null]) })],
    ['a lower threshold', () => ({ threshold: 1 })],
    ['a higher threshold', () => ({ threshold: 3 })],
    ['a round too many: at most n', () => ({ round: 3 })],
    ['a round far away', () => ({ round: 0xffff_ffff })],
    ['somebody blamed without evidence', () => ({ excluded: [[3, 'bad_share', null]] })],
  ])('%s', async (_, said) => {
    await refuses(said(), 'transcript_mismatch', 'does not fit');
  });

  const at = (place: number) => known(rows().members[place]);
});

test.each<[string, Partial<Rows>]>([
  ['epoch', { epoch: 1 }],
  ['mode', { mode: 'reshare' }],
  ['base', { base: new Uint8Array(32) }],
])('of another setup, by its %s', async (_, said) => {
  await refuses(said, 'deal_invalid', 'another setup');
});

test('without what it rests on; another Manifest beside it changes nothing', async () => {
  const { evidence } = parties;
  const [acceptance, deal] = [known(evidence.all(acceptanceStatement)[1]), known(evidence.all(dealStatement)[1])];
  for (const message of messages) {
    const ask = (changed: Sent) => parties.ask(changed);
    await expect(ask(without(message, deal))).rejects.toThrow(refusal('transcript_mismatch'));
    await expect(ask(without(message, acceptance))).rejects.toThrow(refusal('deal_invalid', 'all acceptances'));
    await expect(ask(without(message, evidence.request))).rejects.toThrow(refusal('envelope_invalid'));
    await expect(ask(without(message, evidence.one(enrolmentStatement)))).rejects.toThrow(refusal('envelope_invalid'));
    await expect(ask(without(message, manifest))).rejects.toThrow(refusal('envelope_invalid', 'must be a manifest'));
    const more = withMore(message, await byPrincipal({}));
    await expect(ask(more)).resolves.toBeDefined(); // the message chooses
  }
});

test('who dealt and never accepted is no member', async () => {
  const { evidence } = parties;
  const deals = await Promise.all(
    evidence.all(dealStatement).map((deal) => {
      const { dealer, acceptances, shares } = deal.body;
      const said = { acceptances: acceptances.slice(0, 2), shares: shares.slice(0, 2) };
      return restate(dealStatement, deal, parties.fiduciary(dealer).author, said);
    }),
  );
  const members = rows().members.map(([at, member, acceptance]): Rows['members'][number] =>
    at === 3 ? [at, member, null] : [at, member, acceptance],
  );
  const other = await byPrincipal({ members, deals: deals.map(({ body, cid }): [number, Cid] => [body.dealer, cid]) });
  const setup = [
    ...[evidence.request, evidence.one(enrolmentStatement), ...evidence.all(acceptanceStatement).slice(0, 2)],
    ...[...deals, other],
  ];
  expect(() => setupIn(parties.read(setup.map(({ bytes }) => bytes)))).toThrow(
    refusal('transcript_mismatch', 'does not fit'),
  );
});

test("a member knows its own Deal: one that a thief of its key signed isn't", async () => {
  const { author } = parties.fiduciary(1);
  const deal = known(parties.evidence.all(dealStatement).find(({ body }) => body.dealer === 1));
  const again = await restate(dealStatement, deal, author);
  const other = await byPrincipal({
    deals: rows().deals.map(([dealer, cid]): Rows['deals'][number] => (dealer === 1 ? [1, again.cid] : [dealer, cid])),
  });
  const message = replaced(replaced(known(messages[0]), deal, again), manifest, other);
  await expect(parties.ask(message)).rejects.toThrow(refusal('order_state_conflict', 'of this node is another'));
});

test('a member knows its own Acceptance', async () => {
  const own = parties.fiduciary(1);
  const order = { ...known(own.order), acceptance: parties.order.ref }; // any other than the message has
  const { statements, attachments } = known(messages[0]);
  const evidence = parties.read(statements.map(({ bytes }) => bytes));
  await expect(confirmOrder(order, evidence, attachments, own.open, context(own.author))).rejects.toThrow(
    refusal('order_state_conflict', 'of this node is another'),
  );
});

test('who is no member confirms nothing', async () => {
  const two = await byPrincipal({ members: rows().members.slice(1), deals: rows().deals.slice(1) });
  await expect(parties.ask(replaced(known(messages[0]), manifest, two))).rejects.toThrow(
    refusal('order_state_conflict', 'of this node is another'),
  );
});

test('until setupBy', async () => {
  const [confirm] = messages;
  await expect(parties.but({ now: SETUP_BY + 1 }).ask(known(confirm))).rejects.toThrow(refusal('setup_expired'));
  await expect(parties.but({ now: SETUP_BY }).ask(known(confirm))).resolves.toBeDefined();
});

test('after keepUntil nothing is confirmed any more, whether or not the sweep has come by', async () => {
  const kept = await Parties.before('commit', 2, { keepUntil: SETUP_BY + 1 });
  const first = kept.evidence.one(manifestStatement);
  const again = await restate(manifestStatement, first, kept.principal, { round: 1 });
  const message = replaced(kept.message('confirm', 1), first, again);
  expect(kept.fiduciary(1).order).toMatchObject({ state: 'confirmed', round: 0 });
  await expect(kept.but({ now: SETUP_BY + 1 }).ask(message)).resolves.toBeDefined(); // setupBy no longer acts
  await expect(kept.but({ now: SETUP_BY + 2 }).ask(message)).rejects.toThrow(
    refusal('order_state_conflict', 'time to keep'),
  );
});

describe('once confirmed', () => {
  let after: Parties;
  let first: Manifest;

  beforeAll(async () => {
    after = await Parties.before('commit', 3);
    first = after.evidence.one(manifestStatement);
  });

  test('each share lies on the certified polynomial', () => {
    const setup = setupIn(after.evidence);
    for (const index of [1, 2, 3]) {
      const node = after.fiduciary(index);
      expect(node.order?.confirmed).toEqual([setup.transcript]);
      expect(secp256k1.publicPoint(node.secret('share', setup.transcript).value)).toEqual(publicShare(setup, index));
    }
    expect(after.evidence.all(confirmationStatement)).toHaveLength(3);
  });

  test('a round is over: the same, and another Manifest of it, are refused; also at B', async () => {
    const again = await restate(manifestStatement, first, after.principal);
    for (const message of [after.message('confirm', 1), after.message('manifest', 'beneficiary')]) {
      await expect(after.ask(message)).rejects.toThrow(refusal('order_state_conflict', 'this round', { round: 0 }));
      await expect(after.ask(replaced(message, first, again))).rejects.toThrow(
        refusal('order_state_conflict', 'this round'),
      );
    }
  });

  test('a higher round is another transcript, and both shares are kept; the clock of setup is over', async () => {
    const next = await restate(manifestStatement, first, after.principal, { round: 1 });
    const confirm = replaced(after.message('confirm', 1), first, next);
    const node = after.fiduciary(1);
    const late = after.but({ now: SETUP_BY + 1 });
    await late.send(confirm);
    expect(node.order).toMatchObject({ state: 'confirmed', round: 1 });
    expect(node.order?.confirmed).toHaveLength(2);
    const shares = node.secrets.filter(({ name }) => name.what === 'share');
    expect(shares.map(({ name }) => name.transcript)).toEqual(node.order?.confirmed);
    await expect(after.send(after.message('confirm', 1))).rejects.toThrow(refusal('order_state_conflict'));
  });

  test('B notes a higher round too', async () => {
    const next = await restate(manifestStatement, first, after.principal, { round: 1 });
    await after.send(replaced(after.message('manifest', 'beneficiary'), first, next));
    expect(after.beneficiary.order).toMatchObject({ round: 1 });
  });
});

describe('the last dealer, whose C_n1 takes away the sum of the others', () => {
  let confirms: readonly Sent[];
  let manifested: Sent;

  beforeAll(async () => {
    const deals = parties.evidence.all(dealStatement);
    const pointsOf = (dealer: number) => known(deals.find(({ body }) => body.dealer === dealer)).body.points;
    const last = known(deals.find(({ body }) => body.dealer === 3));
    const [, others] = [1, 2].map(pointsOf).reduce((sum, points) => addVectors(secp256k1, [sum, points]));
    const taken = known(others).map((byte, at) => (at === 0 ? byte ^ 1 : byte)); // 02 ↔ 03: the same x, −y
    // it proves what it knows, its own constant term, and no more is asked of it
    const secret = randomBytes(32).fill(1, 0, 1);
    const points = [secp256k1.publicPoint(secret), Uint8Array.from(taken)];
    const [order, enrolment] = [parties.order.ref, last.body.enrolment].map(cidToBytes);
    const digest = sha256(ascii('DTA-DEAL1'), known(order), known(enrolment), u32(0), u32(3), ...points);
    const said = { points, pop: secp256k1.popSign(secret, digest) };
    const forged = await restate(dealStatement, last, parties.fiduciary(3).author, said);
    const other = await byPrincipal({
      deals: rows().deals.map(([dealer, cid]): Rows['deals'][number] => [dealer, dealer === 3 ? forged.cid : cid]),
    });
    const attacked = (message: Sent) => replaced(replaced(message, last, forged), manifest, other);
    confirms = [1, 2].map((member) => attacked(parties.message('confirm', member)));
    manifested = attacked(known(messages[1]));
  });

  test('is named by every other member, whose share of it does not fit: before anything is added up', async () => {
    for (const confirm of confirms) {
      await expect(parties.ask(confirm)).rejects.toThrow(refusal('deal_invalid', 'does not fit', { dealer: 3 }));
    }
  });

  test('is not named by P and B, which have no share of it: they refuse the key', async () => {
    await expect(parties.ask(manifested)).rejects.toThrow(refusal('point_invalid', 'identity'));
    const evidence = parties.read(manifested.statements.map(({ bytes }) => bytes));
    expect(() => setupIn(evidence)).toThrow(refusal('point_invalid', 'identity'));
  });
});

describe('colluding dealers', () => {
  /** P's message to F1, had the dealers dealt these polynomials of two coefficients. */
  const dealt = async (...polynomials: readonly (readonly Uint8Array[])[]): Promise<Sent> => {
    const evidence = parties.read(parties.message('deal', 1).statements.map(({ bytes }) => bytes));
    const enrolment = evidence.one(enrolmentStatement);
    const terms = firstSetup(enrolment, evidence);
    const acceptances = verifyAcceptances(evidence.all(acceptanceStatement), terms, evidence);
    const keys = parties.answers.filter(({ verb }) => verb === 'accept').flatMap(({ attachments }) => attachments);
    const deals = await Promise.all(
      polynomials.map((coefficients, at) =>
        signDeal(evidence, terms, acceptances, keys, coefficients, at + 1, parties.fiduciary(at + 1).author),
      ),
    );
    const other = await byPrincipal({
      members: rows().members.slice(0, deals.length),
      deals: deals.map(({ deal }, at): Rows['deals'][number] => [at + 1, deal.cid]),
    });
    const message = parties.message('manifest', 'beneficiary');
    const kept = message.statements.filter(({ body }) => body.type !== 'deal' && body.type !== 'manifest');
    return { ...message, statements: [other, ...kept, ...deals.map(({ deal }) => deal)] };
  };
  const scalar = () => randomBytes(32).fill(1, 0, 1);
  const negated = (bytes: Uint8Array) =>
    scalarToBytes(secp256k1, secp256k1.scalarField.ORDER - scalarFromBytes(secp256k1, bytes));

  test('can make any key that they like', async () => {
    await expect(parties.ask(await dealt([scalar(), scalar()], [scalar(), scalar()]))).resolves.toBeDefined();
  });

  test('cannot make a key that is no key: X is refused as the identity, and so is any A_k', async () => {
    const [a0, a1] = [scalar(), scalar()];
    for (const second of [
      [negated(a0), scalar()],
      [scalar(), negated(a1)],
    ]) {
      await expect(parties.ask(await dealt([a0, a1], second))).rejects.toThrow(refusal('point_invalid', 'identity'));
    }
  });

  test('with B cannot make Y the identity', async () => {
    const b = parties.beneficiary.secret('enrolment-key').value;
    const a0 = scalar();
    const rest = negated(addScalars(secp256k1, a0, b));
    await expect(parties.ask(await dealt([a0, scalar()], [rest, scalar()]))).rejects.toThrow(
      refusal('point_invalid', 'identity'),
    );
  });
});

test('terms are checked with every setup, whoever has signed it', async () => {
  const alone = await Parties.of(1);
  await alone.place();
  const { evidence } = alone;
  const request = await restate(requestStatement, evidence.request, alone.principal, { setupBy: 0 });
  const enrolment = await restate(enrolmentStatement, evidence.one(enrolmentStatement), alone.beneficiary.author, {
    order: request.cid,
  });
  const said = { order: request.cid, enrolment: enrolment.cid };
  const deal = await restate(dealStatement, evidence.one(dealStatement), alone.fiduciary(1).author, said);
  const read = () =>
    alone.read(
      [request, enrolment, deal].map(({ bytes }) => bytes),
      request.cid,
    );
  expect(() => setupIn(read())).toThrow(refusal('terms_invalid', 'setupBy'));
});

test('an order of one fiduciary has its Deal', async () => {
  const alone = await Parties.before('commit', 1);
  for (const to of [1, 'beneficiary'] as const) {
    const message = without(alone.message('commit', to), alone.evidence.one(dealStatement));
    await expect(alone.ask(message)).rejects.toThrow(refusal('transcript_mismatch', 'not one that'));
  }
});

test('of an order of one fiduciary no Acceptance is looked at or stored', async () => {
  const alone = await Parties.before('commit', 1);
  const { request } = alone.evidence;
  const acceptance = known(parties.evidence.all(acceptanceStatement)[0]);
  const made = await restate(acceptanceStatement, acceptance, alone.fiduciary(1).author, {
    order: request.cid,
    enrolment: alone.evidence.one(enrolmentStatement).cid,
  });
  for (const to of [1, 'beneficiary'] as const) {
    const message = withMore(alone.message('commit', to), made);
    const { keep } = (await alone.ask(message)) as Outcome<unknown>; // as every step of these two
    expect(keep.map(({ cid }) => cid)).not.toContain(made.cid);
  }
});

test('an order of one fiduciary has no Manifest', async () => {
  const alone = await Parties.of(1);
  await alone.place();
  const { evidence } = alone;
  const deal = evidence.one(dealStatement);
  const { cid } = alone.fiduciary(1).author.identity;
  const made = await restate(manifestStatement, manifest, alone.principal, {
    order: alone.order.ref,
    enrolment: evidence.one(enrolmentStatement).cid,
    threshold: 1,
    members: [[1, cid, null]],
    deals: [[1, deal.cid]],
  });
  const ask = (verb: 'confirm' | 'manifest', party: Author) =>
    alone.ask({
      addressee: {
        verb,
        party: party.identity.cid,
        role: verb === 'confirm' ? 'fiduciary' : 'beneficiary',
        attachments: [],
      },
      statements: [made, evidence.request, evidence.one(enrolmentStatement), deal],
      attachments: [],
    });
  await expect(ask('confirm', alone.fiduciary(1).author)).rejects.toThrow(refusal('order_state_conflict'));
  await expect(ask('manifest', alone.beneficiary.author)).rejects.toThrow(
    refusal('transcript_mismatch', 'one fiduciary alone'),
  );
});
