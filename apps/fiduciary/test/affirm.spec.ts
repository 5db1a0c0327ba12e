import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { encodeCanonical } from '@dta/codec';
import { decodeBundle, encodeBundle } from '@dta/envelope';
import { signStatement } from '@dta/identity';
import type { Database } from '@dta/node';
import { cast, codeOf, member, RoleRig, rowsOf, WiredParties, type Cast, type Member } from '@dta/node/testing';
import {
  acceptanceStatement,
  affirmationStatement,
  confirmationStatement,
  dealStatement,
  forwardStatement,
  type OrderStatement,
} from '@dta/order';
import { known, type Sent } from '@dta/order/testing';
import { startFiduciary } from '../src/index.js';

// Verb `affirm` at a real fiduciary: who asks it for what it must not stand by, and how.

let rig: RoleRig;
let members: Cast;
let database: Database;
/** another principal that F1's operator admitted */
let thief: Member;
let stranger: Member;
let parties: WiredParties;
/** what F1 said in the setup */
let own: readonly OrderStatement[];
let before: Record<string, number>;

beforeAll(async () => {
  rig = await RoleRig.open();
  members = await cast();
  thief = await member('Q', 'principal');
  stranger = await member('X', 'principal');
  const options = await rig.prepare(members.f1, 'fiduciary', [members.p.identity, thief.identity]);
  await rig.start(startFiduciary, options);
  database = await rig.intrude(options);
  parties = new WiredParties(rig, members).wire(members.f1);
  await parties.place();
  own = [acceptanceStatement, dealStatement, confirmationStatement]
    .flatMap((type): readonly OrderStatement[] => parties.evidence.all(type))
    .filter(({ body }) => body.issuer === members.f1.identity.cid);
});

beforeEach(async () => {
  before = await rowsOf(database);
});

afterAll(() => rig.close());

/** A question by `by`, about what it names, with whatever comes along. */
async function question(named = own, by: Member = members.p, along = named): Promise<Sent> {
  const { request } = parties.evidence;
  const forward = await signStatement(
    forwardStatement,
    {
      ...{ issuer: by.identity.cid, order: request.cid, createdAt: Date.now() },
      statements: named.map(({ cid }) => cid),
    },
    [by.key],
  );
  return {
    addressee: { party: members.f1.identity.cid, role: 'fiduciary', verb: 'affirm', attachments: [] },
    statements: [forward, request, ...along],
    attachments: [],
  };
}

const nothingHappened = async () => {
  expect(await rowsOf(database)).toEqual(before);
  expect(rig.logged.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
};

const refused = async (message: Sent, ...codes: readonly string[]) => {
  expect(codes).toContain(await codeOf(parties.offer(message, {})));
  await nothingHappened();
};

test('it stands by its own part, and a repeated question gets the same bytes, without another step', async () => {
  const message = await question();
  const payload = await parties.pack(message);
  const reply = await parties.post(message, payload);
  const { evidence } = await parties.open(message, payload, reply);
  expect(evidence.map(({ body }) => body)).toMatchObject([
    { type: affirmationStatement.type, issuer: members.f1.identity.cid, statements: own.map(({ cid }) => cid) },
  ]);
  before = await rowsOf(database);
  for (let at = 0; at < 3; at += 1) expect(await parties.post(message, payload)).toEqual(reply);
  await nothingHappened();
});

describe('nothing is affirmed, and nothing is written', () => {
  test('for bytes that are no message: cut short, turned over, too large', async () => {
    const message = await question();
    const whole = await parties.seal(message);
    for (let length = 0; length < whole.length; length += Math.ceil(whole.length / 25)) {
      expect(await codeOf(parties.post(message, whole.slice(0, length)))).toBe('non_canonical');
    }
    const bundle = decodeBundle(whole);
    const envelope = known(bundle.envelopes[0]);
    for (let at = 0; at < envelope.length; at += Math.ceil(envelope.length / 40)) {
      const flipped = encodeBundle({ ...bundle, envelopes: [envelope.with(at, (envelope[at] ?? 0) ^ 1)] });
      const code = await codeOf(parties.post(message, flipped));
      expect(['non_canonical', 'document_invalid', 'envelope_invalid', 'identity_not_found']).toContain(code);
    }
    expect(await codeOf(parties.post(message, new Uint8Array(1024 * 1024 + 1)))).toBe('too_large');
    const large = { envelopes: [new Uint8Array(256 * 1024 + 1)], attachments: [], identities: [] };
    expect(await codeOf(parties.post(message, encodeCanonical(large)))).toBe('document_invalid');
    await nothingHappened();
  });

  test("for another principal, by its own word or by that of P, and for one that isn't admitted", async () => {
    const identities = [...parties.identities, thief.identity, stranger.identity].map(({ bytes }) => bytes);
    const byThief = await question(own, thief);
    expect(await codeOf(parties.offer(byThief, { by: thief, identities }))).toBe('signature_invalid');
    expect(await codeOf(parties.offer(await question(), { by: thief, identities }))).toBe('envelope_invalid');
    const byStranger = await question(own, stranger);
    expect(await codeOf(parties.offer(byStranger, { by: stranger, identities }))).toBe('identity_not_admitted');
    await nothingHappened();
  });

  test('of what it has not said, though its own key signed it', async () => {
    const { nonce: _, ...said } = known(parties.evidence.all(confirmationStatement)[0]).body;
    const forged = await signStatement(confirmationStatement, { ...said, issuer: members.f1.identity.cid }, [
      members.f1.key,
    ]);
    await refused(await question([...own, forged]), 'order_state_conflict');
  });

  test("of what others have said, or that isn't a part of the setup", async () => {
    const [, byF2] = parties.evidence.all(confirmationStatement);
    await refused(await question([known(byF2)]), 'signature_invalid');
    const acknowledged = parties.statements.find(
      ({ body }) => body.type === 'acknowledged' && body.issuer === members.f1.identity.cid,
    );
    await refused(await question([known(acknowledged)]), 'envelope_invalid');
  });

  test('where more or less is named than comes along, or nothing is asked', async () => {
    await refused(await question(own, members.p, own.slice(1)), 'envelope_invalid');
    await refused(await question(own.slice(1), members.p, own), 'envelope_invalid');
    const { statements, ...rest } = await question();
    await refused({ ...rest, statements: statements.slice(1) }, 'envelope_invalid');
  });

  test('of an order that it does not know', async () => {
    const other = new WiredParties(rig, members);
    await other.place();
    const { request } = other.evidence;
    const said = { issuer: members.p.identity.cid, order: request.cid, createdAt: Date.now() };
    const byF1 = known(other.evidence.all(confirmationStatement)[0]);
    const forward = await signStatement(forwardStatement, { ...said, statements: [byF1.cid] }, [members.p.key]);
    const message = { ...(await question()), statements: [forward, request, byF1] };
    expect(await codeOf(other.offer(message, {}))).toBe('order_not_found');
    await nothingHappened();
  });
});
