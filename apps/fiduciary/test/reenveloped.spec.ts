import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isStatement, signStatement } from '@dta/identity';
import type { Database } from '@dta/node';
import { cast, codeOf, ends, RoleRig, rowsOf, tell, WiredParties, type Cast } from '@dta/node/testing';
import {
  acceptanceStatement,
  commitmentStatement,
  confirmationStatement,
  dealStatement,
  forwardStatement,
  receiptStatement,
} from '@dta/order';
import type { OrderStatement } from '@dta/order';
import { known, replaced, restate, type Sent } from '@dta/order/testing';
import { startFiduciary } from '../src/index.js';

// Steps that F1 has taken, sent again in envelopes of their own: by a principal whose chain is over, and by a sound one.

const TIMES = 20;

const rigs: RoleRig[] = [];

afterAll(async () => {
  for (const rig of rigs) await rig.close();
});

interface Taken {
  readonly rig: RoleRig;
  readonly members: Cast;
  readonly database: Database;
  readonly parties: WiredParties;
  /** of each verb that can be said again, the message that F1 has answered */
  readonly messages: Readonly<Record<'commit' | 'receipt' | 'affirm', Sent>>;
}

/** An order of a principal of its own, redeemed; F1 is real and has answered all of it. */
async function taken(): Promise<Taken> {
  const rig = await RoleRig.open();
  rigs.push(rig);
  const members = await cast();
  const options = await rig.prepare(members.f1, 'fiduciary', [members.p.identity]);
  await rig.start(startFiduciary, options);
  const parties = new WiredParties(rig, members).wire(members.f1);
  await parties.place();
  await parties.redeem();
  const affirm = await question(parties, members);
  await parties.ask(affirm);
  const messages = { commit: parties.message('commit', 1), receipt: parties.message('receipt', 1), affirm };
  return { rig, members, database: await rig.intrude(options), parties, messages };
}

/** P asks F1 to stand by its part of the setup. */
async function question(parties: WiredParties, { p, f1 }: Cast): Promise<Sent> {
  const { request } = parties.evidence;
  const own = [acceptanceStatement, dealStatement, confirmationStatement]
    .flatMap((type): readonly OrderStatement[] => parties.evidence.all(type))
    .filter(({ body }) => body.issuer === f1.identity.cid);
  const said = { issuer: p.identity.cid, order: request.cid, createdAt: Date.now() };
  const forward = await signStatement(forwardStatement, { ...said, statements: own.map(({ cid }) => cid) }, [p.key]);
  return {
    addressee: { party: f1.identity.cid, role: 'fiduciary', verb: 'affirm', attachments: [] },
    statements: [forward, request, ...own],
    attachments: [],
  };
}

/** Codes of what is answered to a message in envelopes of its own, one after the other. */
async function again({ parties }: Taken, message: Sent, times = TIMES): Promise<string[]> {
  const codes: string[] = [];
  for (let at = 0; at < times; at += 1) codes.push(await codeOf(parties.offer(message, {})));
  return codes;
}

describe.each(ends)('a principal whose document is %s', (_, news) => {
  let order: Taken;

  beforeAll(async () => {
    order = await taken();
    const { rig, members } = order;
    await tell(rig, members.p, members.f1, await news(members.p));
  });

  test.each(['commit', 'receipt', 'affirm'] as const)(
    'leaves nothing behind with a %s that was taken',
    async (verb) => {
      const { database, messages } = order;
      const before = await rowsOf(database);
      expect(new Set(await again(order, messages[verb]))).toEqual(new Set(['identity_frozen']));
      expect(await rowsOf(database)).toEqual(before);
    },
  );

  test('gets what it was answered, for the envelope that was answered', async () => {
    const { parties, messages } = order;
    for (const message of Object.values(messages)) expect(await codeOf(parties.ask(message))).toBe('answered');
  });
});

describe('a sound principal', () => {
  let order: Taken;

  beforeAll(async () => {
    order = await taken();
  });

  test.each(['commit', 'receipt', 'affirm'] as const)('is told again what it was told of a %s', async (verb) => {
    const { database, parties, messages } = order;
    const before = await rowsOf(database);
    const [first, ...others] = await again(order, messages[verb]);
    expect(first).toBe('answered');
    expect(new Set(others)).toEqual(new Set(['busy']));
    expect(await rowsOf(database)).toEqual(before);
    expect(await codeOf(parties.ask(messages[verb]))).toBe('answered'); // the stored bytes, whatever else was said
  });

  test('leaves nothing behind with Commitments and Receipts that are signed anew', async () => {
    const { database, parties, messages, members } = order;
    const before = await rowsOf(database);
    for (let at = 0; at < 3; at += 1) {
      for (const message of [
        await anew.commit(messages.commit, members),
        await anew.receipt(messages.receipt, members),
      ])
        expect(['answered', 'busy']).toContain(await codeOf(parties.offer(message, {})));
    }
    expect(await rowsOf(database)).toEqual(before);
  });
});

/** The message with what it is about signed anew, as only its author can. */
const anew = {
  commit: async (message: Sent, { p }: Cast): Promise<Sent> => {
    const commitment = known(message.statements.find((said) => isStatement(commitmentStatement, said)));
    return replaced(message, commitment, await restate(commitmentStatement, commitment, p));
  },
  receipt: async (message: Sent, { p, b }: Cast): Promise<Sent> => {
    const receipt = known(message.statements.find((said) => isStatement(receiptStatement, said)));
    const forward = known(message.statements.find((said) => isStatement(forwardStatement, said)));
    const said = await restate(receiptStatement, receipt, b);
    const passed = await restate(forwardStatement, forward, p, { statements: [said.cid] });
    return replaced(replaced(message, receipt, said), forward, passed);
  },
};
