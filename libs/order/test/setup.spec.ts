import { describe, expect, test } from '@jest/globals';
import {
  acceptanceStatement,
  advanceOrder,
  confirmationStatement,
  dealStatement,
  manifestStatement,
  type OrderStatement,
} from '../src/index.js';
import { anyHash, restate } from './forge.js';
import { context, known, Parties } from './parties.js';

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
