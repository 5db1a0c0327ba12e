// A second group comes as one file of libs/crypto: here a whole order lives in one that no file of libs/order knows of, beside
// an order in secp256k1. That libs/crypto has it is all that is made up.
import { expect, jest, test } from '@jest/globals';
import * as crypto from '@dta/crypto';
import { bls12381G1 } from '@dta/crypto/testing';
import type { Deal, Enrolment } from '../src/statements.js';

jest.unstable_mockModule('@dta/crypto', () => ({
  ...crypto,
  groupNames: [...crypto.groupNames, bls12381G1.name],
  groupNamed: (name: crypto.GroupName) => (String(name) === bls12381G1.name ? bls12381G1 : crypto.groupNamed(name)),
}));

const { acceptanceStatement, dealStatement, enrolmentStatement } = await import('../src/index.js');
const { verifyDeal } = await import('../src/deal.js');
const { verifyEnrolment } = await import('../src/enrolment.js');
const { firstSetup } = await import('../src/setup.js');
const { verifyAcceptances } = await import('../src/transcript.js');
const { known, Parties, restate, setupIn } = await import('./parties.js');
const { refusal } = await import('./refusal.js');

const group = bls12381G1.name as crypto.GroupName; // as the library would name it

test.each([
  [1, 1],
  [2, 2],
])('an order of %d fiduciaries is placed and redeemed in a group that only its Request names', async (n, threshold) => {
  const parties = await Parties.of(n);
  await parties.place({ group, threshold });
  await parties.redeem();
  expect(known(parties.order.commitment)).toHaveLength(bls12381G1.pointBytes);
  expect(bls12381G1.publicPoint(parties.beneficiary.secret('secret').value)).toEqual(parties.order.commitment);
  for (const { body } of parties.statementsOf(dealStatement)) expect(body.pop).toHaveLength(bls12381G1.popBytes);
  expect(setupIn(parties.evidence).group.name).toBe(group);
});

// The form of a statement takes the sizes of every group; it is the order's own group that refuses the others'.
test('an order in secp256k1 takes no point and no proof of the other group', async () => {
  const parties = await Parties.before('confirm', 2);
  const { evidence } = parties;
  const enrolment = evidence.one(enrolmentStatement);
  const setup = firstSetup(enrolment, evidence);
  const acceptances = verifyAcceptances(evidence.all(acceptanceStatement), setup, evidence);
  const deal = known(evidence.all(dealStatement).find(({ body }) => body.dealer === 1));
  const [scalar, digest] = [crypto.randomBytes(32).fill(0, 0, 1), crypto.randomBytes(32)];
  const point = bls12381G1.publicPoint(scalar);
  const pop = bls12381G1.popSign(scalar, digest);
  const dealt = async (said: Partial<Deal['body']>) => {
    const other = await restate(dealStatement, deal, parties.fiduciary(1).author, said);
    verifyDeal(other, setup, acceptances, evidence);
  };
  await expect(dealt({})).resolves.toBeUndefined();
  await expect(dealt({ points: [known(deal.body.points[0]), point] })).rejects.toMatchObject({
    code: 'point_invalid',
    metadata: { dealer: 1 },
  });
  await expect(dealt({ pop })).rejects.toMatchObject({ code: 'pop_invalid', metadata: { dealer: 1 } });
  const enrolled = async (said: Partial<Enrolment['body']>) => {
    verifyEnrolment(await restate(enrolmentStatement, enrolment, parties.beneficiary.author, said), evidence);
  };
  await expect(enrolled({})).resolves.toBeUndefined();
  await expect(enrolled({ ec: point })).rejects.toThrow(refusal('point_invalid'));
  await expect(enrolled({ pop })).rejects.toThrow(refusal('pop_invalid'));
});
