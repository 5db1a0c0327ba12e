import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Database } from '@dta/node';
import { cast, codeOf, member, RoleRig, rowsOf, WiredParties, type Cast, type Member } from '@dta/node/testing';
import {
  commitmentStatement,
  forwardStatement,
  manifestStatement,
  redemptionStatement,
  requestStatement,
  type OrderStatement,
  type PrincipalVerb,
} from '@dta/order';
import { known } from '@dta/order/testing';
import { signStatement } from '@dta/identity';
import { startFiduciary } from '../src/index.js';

// An admitted principal that is not the order's, and has come by everything that was ever said in it: by its own
// fiduciary, by a beneficiary, by a backup.

let rig: RoleRig;
let database: Database;
let members: Cast;
let thief: Member;

beforeAll(async () => {
  rig = await RoleRig.open();
  members = await cast();
  thief = await member('Q', 'principal');
  const options = await rig.prepare(members.f1, 'fiduciary', [members.p.identity, thief.identity]);
  await rig.start(startFiduciary, options);
  database = await rig.intrude(options);
});

afterAll(async () => {
  await rig.close();
});

/** An order as far as P has sent the messages of `verb`, of which none has arrived. */
async function orderBefore(verb: PrincipalVerb): Promise<WiredParties> {
  const parties = new WiredParties(rig, members).wire(members.f1);
  parties.held.add(verb);
  if (verb === 'release') parties.held.add('redeem');
  await parties.place();
  if (parties.order.state === 'committed' && verb !== 'commit') await parties.redeem();
  return parties;
}

/** P's own word of each verb, as the thief would say it. */
async function inItsOwnName(parties: WiredParties, verb: PrincipalVerb): Promise<OrderStatement> {
  const said = { issuer: thief.identity.cid };
  const { evidence } = parties;
  const keys = [thief.key];
  switch (verb) {
    case 'confirm':
      return signStatement(manifestStatement, { ...evidence.one(manifestStatement).body, ...said }, keys);
    case 'commit':
      return signStatement(commitmentStatement, { ...evidence.one(commitmentStatement).body, ...said }, keys);
    case 'release':
      return signStatement(redemptionStatement, { ...evidence.one(redemptionStatement).body, ...said }, keys);
    default: {
      const message = parties.message(verb, 1).statements[0];
      const forward = evidence.all(forwardStatement).find(({ cid }) => cid === message?.cid);
      return signStatement(forwardStatement, { ...known(forward).body, ...said }, keys);
    }
  }
}

describe('P alone, or a thief of its key: a principal of other orders', () => {
  test.each(['deal', 'confirm', 'commit', 'release', 'receipt'] as const)(
    'takes no %s of this order, neither by its own word nor by that of P, and does not stand in its way',
    async (verb) => {
      const parties = await orderBefore(verb);
      const message = parties.message(verb, 1);
      const identities = [...parties.identities, thief.identity].map(({ bytes }) => bytes);
      const before = await rowsOf(database);
      const own = await inItsOwnName(parties, verb);
      const [first, ...evidence] = message.statements;
      const byItself = { ...message, statements: [own, ...evidence] };
      expect(await codeOf(parties.offer(byItself, { by: thief, identities }))).toBe('signature_invalid');
      // with P's own word as evidence too, and with P's message as it is in an envelope of the thief's
      const withBoth = { ...message, statements: [own, known(first), ...evidence] };
      expect(['signature_invalid', 'envelope_invalid']).toContain(
        await codeOf(parties.offer(withBoth, { by: thief, identities })),
      );
      expect(await codeOf(parties.offer(message, { by: thief, identities }))).toBe('envelope_invalid');
      expect(await rowsOf(database)).toEqual(before);
      parties.held.clear();
      await parties.send(message); // P's own message is answered all the same
    },
  );

  test('makes no second order of the first one: an Enrolment belongs to its Request', async () => {
    const parties = await orderBefore('accept');
    const { request } = parties.evidence;
    const message = parties.message('accept', 1);
    const body = { ...request.body, issuer: thief.identity.cid };
    const own = await signStatement(requestStatement, body, [thief.key]);
    const identities = [...parties.identities, thief.identity].map(({ bytes }) => bytes);
    const stolen = { ...message, statements: [own, ...message.statements.slice(1)] };
    expect(await codeOf(parties.offer(stolen, { by: thief, identities, order: own.cid }))).toBe('envelope_invalid');
    expect(await codeOf(parties.offer(stolen, { by: thief, identities }))).toBe('envelope_invalid');
  });
});
