import { describe, expect, test } from '@jest/globals';
import { signStatement } from '@dta/identity';
import {
  acceptanceStatement,
  advanceOrder,
  commitmentStatement,
  confirmationStatement,
  dealStatement,
  enrolmentStatement,
  manifestStatement,
  type Commitment,
  type OrderStatement,
} from '../src/index.js';
import { transcriptOf } from '../src/setup.js';
import type { Manifest } from '../src/statements.js';
import { anyHash, restate } from './forge.js';
import { context, known, NOW, Parties } from './parties.js';
import { refusal } from './refusal.js';

/** What another round, or another epoch, adds to the order's evidence: each well signed by the party that may say it. */
const additions: [string, (of: Parties) => Promise<OrderStatement>][] = [
  [
    'a Manifest of round 1',
    ({ evidence, principal }) =>
      restate(manifestStatement, known(evidence.all(manifestStatement)[0]), principal, { round: 1 }),
  ],
  [
    'an Acceptance of epoch 1',
    ({ evidence, fiduciaries }) => {
      const acceptance = known(evidence.all(acceptanceStatement)[0]);
      return restate(acceptanceStatement, acceptance, known(fiduciaries[0]).author, { epoch: 1 });
    },
  ],
  [
    'a second Acceptance by one member',
    ({ evidence, fiduciaries }) => {
      const acceptance = known(evidence.all(acceptanceStatement)[1]);
      return restate(acceptanceStatement, acceptance, known(fiduciaries[1]).author);
    },
  ],
  [
    'a second Deal by one dealer',
    ({ evidence, fiduciaries }) => {
      const deal = known(evidence.all(dealStatement)[0]);
      return restate(dealStatement, deal, known(fiduciaries[0]).author);
    },
  ],
  [
    'a Deal of epoch 1',
    ({ evidence, fiduciaries }) => {
      const deal = known(evidence.all(dealStatement)[0]);
      return restate(dealStatement, deal, known(fiduciaries[0]).author, { epoch: 1 });
    },
  ],
];

/** What says which setup was confirmed, of another than the order's. */
const confirmed: typeof additions = [
  [
    'a Confirmation of another transcript',
    ({ evidence, fiduciaries }) => {
      const confirmation = known(evidence.all(confirmationStatement)[0]);
      return restate(confirmationStatement, confirmation, known(fiduciaries[0]).author, { transcript: anyHash() });
    },
  ],
];

describe.each([...additions, ...confirmed])('%s in the evidence of a committed order', (_, add) => {
  test('stops no redemption, and travels in none', async () => {
    const committed = await Parties.of(3);
    await committed.place();
    const stray = await add(committed);
    committed.statements.unshift(stray); // before the setup's own: the first of a kind is no better than the last
    await committed.redeem();
    expect(committed.order.state).toBe('released');
    const { statements } = committed.message('release', 1);
    expect(statements.map(({ cid }) => cid)).not.toContain(stray.cid);
  });
});

describe.each(additions)('%s beside a setup that is being confirmed', (_, add) => {
  test('stops no Commitment', async () => {
    const parties = await Parties.before('confirm', 3);
    const stray = await add(parties);
    parties.statements.unshift(stray);
    parties.held.delete('confirm');
    const answers = await Promise.all(
      [1, 2, 3].map(async (to) => {
        const message = parties.message('confirm', to);
        const { reply, attachments } = await parties.send(message);
        parties.statements.push(...reply);
        return { party: message.addressee.party, verb: 'confirm', statements: reply, attachments } as const;
      }),
    );
    const step = known(await advanceOrder(parties.order, parties.evidence, answers, context(parties.principal)));
    expect(step.order.state).toBe('committed');
    expect(step.outgoing.flatMap(({ statements }) => statements.map(({ cid }) => cid))).not.toContain(stray.cid);
  });
});

describe.each([
  ['commit', 1],
  ['commit', 'beneficiary'],
  ['release', 1],
  ['redeem', 'beneficiary'],
] as const)('a message %s to %s that has statements of another round or epoch beside its setup', (verb, to) => {
  test.each(additions)('%s: the step is taken, and it is not stored', async (_, add) => {
    const parties = await Parties.of(3);
    for (const held of ['commit', verb] as const) parties.held.add(held); // so each has the setup from this message alone
    if (verb === 'release') parties.held.add('redeem');
    await parties.place();
    if (verb !== 'commit') await parties.redeem();
    const stray = await add(parties);
    const { addressee, statements, attachments } = parties.message(verb, to);
    const { keep } = await parties.send({ addressee, attachments, statements: [...statements, stray] });
    expect(known(keep).length).toBeGreaterThan(0);
    expect(known(keep).map(({ cid }) => cid)).not.toContain(stray.cid); // else its author could be asked to affirm it
  });
});

test('a Manifest that names an Enrolment without its proof is refused', async () => {
  const parties = await Parties.before('confirm', 2);
  const { evidence, principal, beneficiary } = parties;
  const enrolment = evidence.one(enrolmentStatement);
  const unproven = await restate(enrolmentStatement, enrolment, beneficiary.author, { pop: new Uint8Array(64) });
  const { addressee, statements, attachments } = parties.message('confirm', 1);
  const manifest = evidence.one(manifestStatement);
  const renamed = await restate(manifestStatement, manifest, principal, { enrolment: unproven.cid });
  const others = statements.filter(({ cid }) => cid !== manifest.cid && cid !== enrolment.cid);
  const message = { addressee, attachments, statements: [renamed, unproven, ...others] };
  await expect(parties.ask(message)).rejects.toThrow(refusal('pop_invalid'));
});

test.each<[string, Partial<Manifest['body']>]>([
  ['leaves a dealer out', { excluded: [[2, 'no_answer', null]] }],
  ['has another threshold', { threshold: 1 }],
])('a Manifest that %s, and has the same transcript, is not taken for the one of a certificate', async (_, said) => {
  const parties = await Parties.before('commit', 3);
  const manifest = known(parties.evidence.all(manifestStatement)[0]);
  const twin = await restate(manifestStatement, manifest, parties.principal, said);
  const { addressee, statements, attachments } = parties.message('commit', 1);
  const [commitment, ...others] = statements;
  const { reply } = await parties.ask({ addressee, attachments, statements: [known(commitment), twin, ...others] });
  expect(reply.map(({ body }) => body.type)).toEqual(['acknowledged']);
});

test('of an order with one fiduciary, a Deal that names an Acceptance is refused', async () => {
  const parties = await Parties.before('commit', 1);
  const { evidence, fiduciaries } = parties;
  const deal = evidence.one(dealStatement);
  const row: [number, Uint8Array] = [1, anyHash()];
  const { order, enrolment, epoch, mode, base, consent } = deal.body;
  const own = known(fiduciaries[0]).author;
  const acceptance = await signStatement(
    acceptanceStatement,
    { issuer: own.identity.cid, order, createdAt: NOW, enrolment, epoch, mode, base, consent, keys: [row] },
    [own.key],
  );
  const named = await restate(dealStatement, deal, own, { acceptances: [[1, acceptance.cid]], shares: [row] });
  const transcript = transcriptOf(named, evidence);
  const [confirmation, commitment] = [
    evidence.one(confirmationStatement),
    known(parties.message('commit', 1).statements[0]),
  ];
  const confirmed = await restate(confirmationStatement, confirmation, own, { transcript });
  const committed = await restate(commitmentStatement, commitment as Commitment, parties.principal, { transcript }); // the message is it
  const { addressee, attachments, statements } = parties.message('commit', 'beneficiary');
  const others = statements.filter(({ body: { type } }) => ['request', 'enrolment'].includes(type));
  const message = { addressee, attachments, statements: [committed, ...others, named, acceptance, confirmed] };
  await expect(parties.ask(message)).rejects.toThrow(refusal('deal_invalid'));
});
