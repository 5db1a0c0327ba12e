import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isStatement } from '@dta/identity';
import type { Database } from '@dta/node';
import { cast, codeOf, ends, RoleRig, rowsOf, tell, WiredParties, type Cast } from '@dta/node/testing';
import { commitmentStatement } from '@dta/order';
import { known, replaced, restate, type Sent } from '@dta/order/testing';
import { startBeneficiary } from '../src/index.js';

// Steps that B has taken, sent again in envelopes of their own: by a principal whose chain is over, and by a sound one.

const rigs: RoleRig[] = [];

afterAll(async () => {
  for (const rig of rigs) await rig.close();
});

interface Taken {
  readonly rig: RoleRig;
  readonly members: Cast;
  readonly database: Database;
  readonly parties: WiredParties;
}

/** An order of a principal of its own, redeemed; B is real and has answered all of it. */
async function taken(): Promise<Taken> {
  const rig = await RoleRig.open();
  rigs.push(rig);
  const members = await cast();
  const options = await rig.prepare(members.b, 'beneficiary', [members.p.identity]);
  await rig.start(startBeneficiary, options);
  const parties = new WiredParties(rig, members).wire(members.b);
  await parties.place();
  await parties.redeem();
  return { rig, members, database: await rig.intrude(options), parties };
}

const messageOf = ({ parties }: Taken, verb: 'commit' | 'redeem'): Sent => parties.message(verb, 'beneficiary');

/** Codes of what is answered to a message in envelopes of its own, one after the other. */
async function again(order: Taken, verb: 'commit' | 'redeem', times = 20): Promise<string[]> {
  const codes: string[] = [];
  for (let at = 0; at < times; at += 1) codes.push(await codeOf(order.parties.offer(messageOf(order, verb), {})));
  return codes;
}

describe.each(ends)('a principal whose document is %s', (_, news) => {
  let order: Taken;

  beforeAll(async () => {
    order = await taken();
    const { rig, members } = order;
    await tell(rig, members.p, members.b, await news(members.p));
  });

  test.each(['commit', 'redeem'] as const)('leaves nothing behind with a %s that was taken', async (verb) => {
    const before = await rowsOf(order.database);
    expect(new Set(await again(order, verb))).toEqual(new Set(['identity_frozen']));
    expect(await rowsOf(order.database)).toEqual(before);
    expect(await codeOf(order.parties.ask(messageOf(order, verb)))).toBe('answered'); // the envelope that was answered
  });
});

describe('a sound principal', () => {
  let order: Taken;

  beforeAll(async () => {
    order = await taken();
  });

  test.each(['commit', 'redeem'] as const)('is told again what it was told of a %s', async (verb) => {
    const before = await rowsOf(order.database);
    const [first, ...others] = await again(order, verb);
    expect(first).toBe('answered');
    expect(new Set(others)).toEqual(new Set(['busy']));
    expect(await rowsOf(order.database)).toEqual(before);
  });

  test('leaves nothing behind with Commitments that are signed anew', async () => {
    const { database, parties, members } = order;
    const before = await rowsOf(database);
    const message = messageOf(order, 'commit');
    const commitment = known(message.statements.find((said) => isStatement(commitmentStatement, said)));
    for (let at = 0; at < 3; at += 1) {
      const again = replaced(message, commitment, await restate(commitmentStatement, commitment, members.p));
      expect(['answered', 'busy']).toContain(await codeOf(parties.offer(again, {})));
    }
    expect(await rowsOf(database)).toEqual(before);
  });
});
