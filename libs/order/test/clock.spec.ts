import { expect, test } from '@jest/globals';
import { secp256k1 } from '@dta/crypto';
import {
  commitmentStatement,
  redemptionStatement,
  startRedemption,
  Evidence,
  type PrincipalStep,
} from '../src/index.js';
import { context, known, NOW, Parties } from './parties.js';

const YEAR = 365 * 24 * 60 * 60_000;

/** An order whose Commitment P signed while its clock was `aheadMs` ahead, and that nobody else has. */
async function committed(aheadMs: number): Promise<Parties> {
  const parties = await Parties.of(2);
  parties.held.add('manifest').add('commit');
  const send = parties.send.bind(parties);
  let confirmed = 0;
  parties.send = async (message) => {
    const reply = await send(message);
    if (message.addressee.verb === 'confirm' && (confirmed += 1) === 2) parties.now = NOW + aheadMs;
    return reply;
  };
  await parties.place();
  parties.now = NOW;
  expect(parties.order.state).toBe('committed');
  return parties;
}

/** What P does next, which has stored all that it said and heard. */
function redemption(parties: Parties): Promise<PrincipalStep> {
  const stored = new Set(parties.statements.map(({ cid }) => cid));
  const bytes = parties.statements.map((statement) => statement.bytes);
  const evidence = Evidence.read(parties.order.ref, bytes, { ...parties.verifier, stored });
  return startRedemption(parties.order, evidence, context(parties.principal));
}

test('an order whose Commitment has a date to come is redeemed, under a Commitment to the same key', async () => {
  const parties = await committed(YEAR);
  const { certificate, commitment } = parties.order;
  const step = await redemption(parties);
  expect(step.order.certificate).not.toBe(certificate);
  expect(step.order.commitment).toEqual(commitment);
  expect(step.closes).toEqual(['commit']); // nobody takes it any more
  const [said] = step.keep.filter(({ body }) => body.type === commitmentStatement.type);
  expect(said).toMatchObject({ cid: step.order.certificate, body: { commitment, createdAt: NOW } });

  const [{ statements, addressees }] = [known(step.outgoing[0])];
  for (const addressee of addressees.filter(({ verb }) => verb === 'release')) {
    const { envelopes } = await parties.send({ addressee, statements, attachments: [] });
    parties.releases.push(...envelopes);
  }
  const [addressee] = addressees.filter(({ verb }) => verb === 'redeem');
  await parties.send({ addressee: known(addressee), statements, attachments: [] });
  expect(secp256k1.publicPoint(parties.beneficiary.secret('secret').value)).toEqual(commitment);
});

test('a Commitment up to 120 s ahead stays as it is', async () => {
  for (const [aheadMs, isSame] of [
    [0, true],
    [120_000, true],
    [120_001, false],
  ] as const) {
    const parties = await committed(aheadMs);
    const step = await redemption(parties);
    expect(step.order.certificate === parties.order.certificate).toBe(isSame);
    expect(step.keep.map(({ body }) => body.type)).toEqual([
      ...(isSame ? [] : [commitmentStatement.type]),
      redemptionStatement.type,
    ]);
  }
});
