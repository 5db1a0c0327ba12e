import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { internalSubject } from '@dta/contracts';
import { randomBytes, secp256k1 } from '@dta/crypto';
import { decodeBundle, encodeBundle, sealEnvelope } from '@dta/envelope';
import { makeCall } from '@dta/internal-call';
import { signStatement } from '@dta/identity';
import type { Database, NodeOptions } from '@dta/node';
import { cast, codeOf, member, RoleRig, rowsOf, WiredParties, type Cast, type Member } from '@dta/node/testing';
import { enrolmentStatement, redemptionStatement, releaseStatement } from '@dta/order';
import { known, type Sent } from '@dta/order/testing';
import { startBeneficiary } from '../src/index.js';

let rig: RoleRig;
let options: NodeOptions;
let database: Database;
let members: Cast;
let thief: Member;

beforeAll(async () => {
  rig = await RoleRig.open();
  members = await cast();
  thief = await member('Q', 'principal');
  options = await rig.prepare(members.b, 'beneficiary', [members.p.identity, thief.identity]);
  await rig.start(startBeneficiary, options);
  await rig.start(startBeneficiary, options); // a second replica: each message goes to one of the two
  database = await rig.intrude(options);
});

afterAll(async () => {
  await rig.close();
});

/** An order with a real beneficiary, whose Releases are there and not yet handed to it. */
async function order(): Promise<WiredParties> {
  const parties = new WiredParties(rig, members).wire(members.b);
  parties.held.add('redeem');
  await parties.place();
  await parties.redeem();
  return parties;
}

const redeem = (parties: WiredParties, further: readonly Uint8Array[]) =>
  parties.offer(parties.message('redeem', 'beneficiary'), { further });
const reveal = (parties: WiredParties) =>
  rig.call(options, members.b, 'beneficiary.reveal-secret', {
    orderReference: parties.order.ref,
    extension: null,
  });

describe('B alone', () => {
  test('has nothing before redemption, and the private key of Y after it', async () => {
    const parties = await order();
    expect(await codeOf(reveal(parties))).toBe('order_state_conflict');
    const kinds = async () =>
      (
        await database.query<{ what: string }>('SELECT what FROM secrets WHERE order_ref = $1 ORDER BY what', [
          parties.order.ref,
        ])
      ).map(({ what }) => what);
    expect(await kinds()).toEqual(['enrolment-key', 'enrolment-seed']);
    await redeem(parties, parties.releases);
    const { secret, commitment, orderReference } = await reveal(parties);
    expect(secp256k1.publicPoint(secret)).toEqual(parties.order.commitment);
    expect(commitment).toEqual(parties.order.commitment);
    expect(orderReference).toBe(parties.order.ref);
    expect(await kinds()).toEqual(['secret']);
  });

  test('with one share of two has nothing', async () => {
    const parties = await order();
    expect(await codeOf(redeem(parties, parties.releases.slice(0, 1)))).toBe('shares_insufficient');
    expect(await codeOf(redeem(parties, []))).toBe('shares_insufficient');
    expect(await codeOf(reveal(parties))).toBe('order_state_conflict');
  });

  test('does not know the secret of an order that is not its own', async () => {
    const parties = new WiredParties(rig, members);
    await parties.place();
    expect(await codeOf(reveal(parties))).toBe('order_not_found');
  });
});

test.each([
  ['manifest', 'commit', 'redeem'],
  ['manifest', 'redeem', 'commit'],
  ['commit', 'manifest', 'redeem'],
  ['commit', 'redeem', 'manifest'],
  ['redeem', 'manifest', 'commit'],
  ['redeem', 'commit', 'manifest'],
] as const)('messages that come in another order, %s, %s, %s: it holds the secret, and repeats', async (...verbs) => {
  const parties = new WiredParties(rig, members).wire(members.b);
  parties.held.add('manifest').add('commit').add('redeem');
  await parties.place();
  await parties.redeem();
  const given: [Sent, Uint8Array][] = [];
  for (const verb of verbs) {
    const message = parties.message(verb, 'beneficiary');
    given.push([message, await parties.post(message, await parties.pack(message))]);
    for (const [earlier, reply] of given) {
      expect(await parties.post(earlier, await parties.pack(earlier))).toEqual(reply);
    }
  }
  expect(secp256k1.publicPoint((await reveal(parties)).secret)).toEqual(parties.order.commitment);
});

describe('who deals or releases a wrong share', () => {
  let parties: WiredParties;
  let other: WiredParties;

  beforeAll(async () => {
    [parties, other] = [await order(), await order()];
  });

  const bytesOf = async (share: Uint8Array, by = members.f2, index = 2): Promise<Uint8Array> => {
    const { body: enrolment } = parties.evidence.one(enrolmentStatement);
    const { body, cid: redemption } = parties.evidence.one(redemptionStatement);
    const common = { issuer: by.identity.cid, order: parties.order.ref, createdAt: Date.now() };
    const { transcript, epoch } = body;
    const { bytes } = await signStatement(
      releaseStatement,
      { ...common, redemption, transcript, epoch, index, share },
      [by.key],
    );
    const { cid: id } = members.b.identity;
    const sealed = await sealEnvelope(
      {
        ...{ sender: by.identity, from: 'fiduciary', order: parties.order.ref, prev: [], log: false },
        recipients: [{ id, role: 'beneficiary', kem: enrolment.kem }],
        ...{ statements: [bytes], now: Date.now() },
      },
      by.key,
    );
    return sealed.bytes;
  };

  test('of another order: it does not open under the keys of this one, and nothing is lost', async () => {
    const [own = new Uint8Array()] = parties.releases;
    expect(await codeOf(redeem(parties, [own, ...other.releases]))).toBe('shares_insufficient');
    expect(await codeOf(redeem(parties, other.releases))).toBe('shares_insufficient');
  });

  test('of another member, or no scalar: it is named, and there are too few', async () => {
    const [own = new Uint8Array()] = parties.releases;
    for (const share of [randomBytes(32), new Uint8Array(32), new Uint8Array(32).fill(0xff)]) {
      const wrong = await bytesOf(share);
      const refused = await redeem(parties, [own, wrong]).catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'shares_insufficient', metadata: { good: [1], bad: [2], threshold: 2 } });
    }
    const stolen = await bytesOf(parties.fiduciary(1).secret('share').value.slice(), members.f2, 1);
    expect(await codeOf(redeem(parties, [own, stolen]))).toBe('shares_insufficient');
  });

  test('or none at all: what is no Release is left out, and the good ones are combined', async () => {
    const wrong = await Promise.all([bytesOf(randomBytes(32)), bytesOf(new Uint8Array(32).fill(0xff))]);
    const junk = [new Uint8Array(), randomBytes(500), ...wrong, ...other.releases];
    expect(await codeOf(redeem(parties, [...junk, ...parties.releases]))).toBe('answered');
    expect(secp256k1.publicPoint((await reveal(parties)).secret)).toEqual(parties.order.commitment);
  });
});

describe('P alone, or a thief of its key', () => {
  test('is the principal of another order: redeems nothing, and takes no Manifest or Commitment of this one', async () => {
    const parties = await order();
    const identities = [...parties.identities, thief.identity].map(({ bytes }) => bytes);
    const message = parties.message('redeem', 'beneficiary');
    const own = await signStatement(
      redemptionStatement,
      { ...parties.evidence.one(redemptionStatement).body, issuer: thief.identity.cid },
      [thief.key],
    );
    const before = await rowsOf(database);
    const stolen: Sent = { ...message, statements: [own, ...message.statements.slice(1)] };
    const changed = { by: thief, identities, further: parties.releases };
    expect(await codeOf(parties.offer(stolen, changed))).toBe('signature_invalid');
    for (const verb of ['enrol', 'manifest', 'commit', 'redeem'] as const) {
      const code = await codeOf(parties.offer(parties.message(verb, 'beneficiary'), changed));
      expect(code).toBe('envelope_invalid');
    }
    expect(await rowsOf(database)).toEqual(before);
    expect(await codeOf(reveal(parties))).toBe('order_state_conflict');
  });
});

describe('who replays', () => {
  let parties: WiredParties;

  beforeEach(async () => {
    parties = await order();
  });

  test('a redemption: the same bytes are answered with the same bytes, also at once at two replicas', async () => {
    const message = parties.message('redeem', 'beneficiary');
    const payload = await parties.seal(message, { further: parties.releases });
    const replies = await Promise.all(Array.from({ length: 6 }, () => parties.post(message, payload)));
    for (const reply of replies) expect(reply).toEqual(replies[0]);
    const before = await rowsOf(database);
    expect(await parties.post(message, payload)).toEqual(replies[0]);
    expect(await rowsOf(database)).toEqual(before);
  });

  test('a redemption that failed: it is computed again, with the Releases that came meanwhile', async () => {
    const message = parties.message('redeem', 'beneficiary');
    const bundle = decodeBundle(await parties.seal(message, { further: [] }));
    const withReleases = (releases: readonly Uint8Array[]) =>
      encodeBundle({ ...bundle, envelopes: [...bundle.envelopes, ...releases] });
    expect(await codeOf(parties.post(message, withReleases([])))).toBe('shares_insufficient');
    expect(await codeOf(parties.post(message, withReleases(parties.releases)))).toBe('answered');
    expect(await codeOf(parties.post(message, withReleases([])))).toBe('answered'); // stored
  });

  test('a Request: no second Enrolment; a Manifest or Commitment in another envelope: no second step', async () => {
    for (const verb of ['enrol', 'manifest', 'commit'] as const) {
      const message = parties.message(verb, 'beneficiary');
      const stored = await parties.post(message, await parties.pack(message));
      expect(await parties.post(message, await parties.pack(message))).toEqual(stored);
      // a Commitment that it has, it acknowledges again
      const again = verb === 'commit' ? 'answered' : 'order_state_conflict';
      expect(await codeOf(parties.offer(message, {}))).toBe(again);
    }
  });

  test('a call of its gateway: each is answered once, however often its bytes are sent', async () => {
    await redeem(parties, parties.releases);
    const subject = internalSubject(members.b.identity.cid, 'beneficiary', 'reveal-secret');
    const call = makeCall(
      'beneficiary.reveal-secret',
      { psk: options.psks[0], subject, gateway: 'test', now: Date.now() },
      {
        caller: { token: null },
        requestId: 'test',
        traceparent: null,
        params: { orderReference: parties.order.ref, extension: null },
      },
    );
    const send = async () => call.readReply(await rig.transport.request(subject, call.bytes, { timeoutMs: 5_000 }));
    const codes = await Promise.all(Array.from({ length: 4 }, () => codeOf(send())));
    expect(codes.sort()).toEqual(['answered', 'replayed', 'replayed', 'replayed']);
    expect(await codeOf(send())).toBe('replayed');
  });
});

test('network, NATS operator, IPFS reader: no call without the key that gateway and role share, or of another time', async () => {
  const parties = await order();
  await redeem(parties, parties.releases);
  const params = { orderReference: parties.order.ref, extension: null };
  const call = (said: { psk?: Uint8Array; now?: number }) =>
    codeOf(rig.call(options, members.b, 'beneficiary.reveal-secret', params, said));
  expect(await call({})).toBe('answered');
  expect(await call({ psk: randomBytes(32) })).toBe('unauthenticated');
  expect(await call({ now: Date.now() - 121_000 })).toBe('clock_skewed');
  expect(await call({ now: Date.now() + 125_000 })).toBe('clock_skewed');
  expect(await call({ now: Date.now() - 110_000 })).toBe('answered');
  for (const bytes of [new Uint8Array(), randomBytes(300), known(parties.releases[0])]) {
    const subject = internalSubject(members.b.identity.cid, 'beneficiary', 'reveal-secret');
    const sent = rig.transport.request(subject, bytes, { timeoutMs: 5_000 });
    expect(['non_canonical', 'document_invalid']).toContain(await codeOf(sent));
  }
});
