import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { encodeCanonical } from '@dta/codec';
import { kemKeyPair, randomBytes } from '@dta/crypto';
import { decodeBundle, encodeBundle, sealEnvelope } from '@dta/envelope';
import { createIdentity, softwareSigningKey } from '@dta/identity';
import type { Database } from '@dta/node';
import {
  cast,
  codeOf,
  member,
  RoleRig,
  rowsOf,
  WiredParties,
  type Cast,
  type Changed,
  type Member,
} from '@dta/node/testing';
import type { PrincipalVerb } from '@dta/order';
import { known, type Sent } from '@dta/order/testing';
import { startFiduciary } from '../src/index.js';

const verbs = ['accept', 'deal', 'confirm', 'commit', 'release', 'receipt'] as const satisfies PrincipalVerb[];

let rig: RoleRig;
let members: Cast;
let database: Database;
/** a whole order with one real fiduciary, F1; its messages are there to be sent again, changed */
let parties: WiredParties;
let stranger: Member;
/** principal and beneficiary at once */
let both: Member;
let before: Record<string, number>;

beforeAll(async () => {
  rig = await RoleRig.open();
  members = await cast();
  stranger = await member('X', 'principal');
  both = await member('PB', 'principal', 'beneficiary');
  const options = await rig.prepare(members.f1, 'fiduciary', [members.p.identity, both.identity]);
  await rig.start(startFiduciary, options);
  database = await rig.intrude(options);
  parties = new WiredParties(rig, members).wire(members.f1);
  await parties.place();
  await parties.redeem();
  before = await rowsOf(database);
});

afterAll(async () => {
  await rig.close();
});

/** The honest messages to F1, of every verb. */
const messages = (): Sent[] => verbs.map((verb) => parties.message(verb, 1));

/** Whatever was refused: nothing was written, and no error was unforeseen. */
async function nothingHappened(): Promise<void> {
  expect(await rowsOf(database)).toEqual(before);
  expect(rig.logged.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
}

async function refuses(message: Sent, payload: Uint8Array, ...codes: readonly string[]): Promise<void> {
  expect(codes).toContain(await codeOf(parties.post(message, payload)));
}

test('the order that all this is about is released', () => {
  expect(parties.order.state).toBe('released');
  expect(before).toMatchObject({ orders: 1, replies: 6, secrets: 2 }); // its share, and the node's record-key
});

describe('network, NATS operator, IPFS reader: bytes that are no message', () => {
  test('a bundle cut short, at any length', async () => {
    for (const message of messages()) {
      const whole = await parties.pack(message);
      for (let length = 0; length < whole.length; length += Math.ceil(whole.length / 25)) {
        await refuses(message, whole.slice(0, length), 'non_canonical');
      }
      await refuses(message, whole.slice(0, -1), 'non_canonical');
    }
    await nothingHappened();
  });

  test('an envelope cut short, in a sound bundle', async () => {
    const message = parties.message('accept', 1);
    const bundle = decodeBundle(await parties.pack(message));
    const [envelope = new Uint8Array()] = bundle.envelopes;
    for (const length of [0, 1, 100, envelope.length - 1]) {
      const cut = encodeBundle({ ...bundle, envelopes: [envelope.slice(0, length)] });
      await refuses(message, cut, 'non_canonical');
    }
    await nothingHappened();
  });

  test('a bit turned over, anywhere', async () => {
    const message = parties.message('release', 1);
    const bundle = decodeBundle(await parties.seal(message));
    const [envelope = new Uint8Array()] = bundle.envelopes;
    for (let at = 0; at < envelope.length; at += Math.ceil(envelope.length / 60)) {
      const flipped = envelope.with(at, (envelope[at] ?? 0) ^ (1 << (at % 8)));
      const payload = encodeBundle({ ...bundle, envelopes: [flipped] });
      await refuses(message, payload, 'non_canonical', 'envelope_invalid', 'identity_not_found');
    }
    await nothingHappened();
  });

  test('more than fits: 1 MiB and a byte, an envelope of 256 KiB and a byte', async () => {
    for (const message of messages()) {
      await refuses(message, new Uint8Array(1024 * 1024 + 1), 'too_large');
      const large = { envelopes: [new Uint8Array(256 * 1024 + 1)], attachments: [], identities: [] };
      await refuses(message, encodeCanonical(large), 'document_invalid');
    }
    await nothingHappened();
  });

  test('other bytes for the same value', async () => {
    for (const message of messages()) {
      const [first = 0, ...rest] = await parties.pack(message);
      expect(first).toBe(0xa3); // a map of three, in one byte
      await refuses(message, Uint8Array.from([0xb8, 3, ...rest]), 'non_canonical');
      await refuses(message, Uint8Array.from([first, ...rest, 0]), 'non_canonical');
    }
    await nothingHappened();
  });

  test('sound CBOR that is no bundle', async () => {
    const message = parties.message('accept', 1);
    const parts = decodeBundle(await parties.pack(message));
    for (const value of [
      ...[null, 0, 'text', [], {}, new Uint8Array(8)],
      ...[
        { ...parts, more: 1 },
        { ...parts, envelopes: [] },
        { ...parts, envelopes: 'none' },
      ],
      { ...parts, attachments: [1] },
      { envelopes: parts.envelopes, attachments: parts.attachments },
      { ...parts, envelopes: Array.from({ length: 65 }, () => new Uint8Array(1)) },
      { ...parts, attachments: [new Uint8Array(4097)] },
      { ...parts, identities: Array.from({ length: 513 }, () => new Uint8Array(1)) },
    ]) {
      await refuses(message, encodeCanonical(value), 'document_invalid');
    }
    await nothingHappened();
  });

  test('bytes at random', async () => {
    const sent = Array.from({ length: 300 }, (_, at) => randomBytes((at * 7) % 512));
    for (const [at, payload] of sent.entries()) {
      const verb = known(verbs[at % verbs.length]);
      await refuses(parties.message(verb, 1), payload, 'non_canonical', 'document_invalid');
    }
    await nothingHappened();
  });

  test('envelopes of random bytes, in a sound bundle of the sender', async () => {
    const message = parties.message('accept', 1);
    const parts = decodeBundle(await parties.pack(message));
    for (let at = 0; at < 50; at++) {
      const payload = encodeBundle({ ...parts, envelopes: [randomBytes(at * 11)] });
      await refuses(message, payload, 'non_canonical', 'envelope_invalid');
    }
    await nothingHappened();
  });
});

/** An identity document that is sound but for its date. */
async function fromAhead(): Promise<Uint8Array> {
  const { publicKey: kem } = await kemKeyPair();
  const said = { name: 'ahead', roles: ['fiduciary'], kem, now: Date.now() + 150_000 } as const;
  return (await createIdentity(said, softwareSigningKey(randomBytes(32)))).bytes;
}

describe('network, NATS operator, IPFS reader: messages of its own', () => {
  test('forged: in the name of the principal, by another key', async () => {
    for (const message of messages()) {
      const forger = { ...both, identity: parties.principal.identity };
      expect(await codeOf(parties.offer(message, { by: forger }))).toBe('envelope_invalid');
    }
    await nothingHappened();
  });

  test('by an identity that is not admitted, before anything is decrypted', async () => {
    const { kem } = stranger.identity.keys;
    const identities = [...parties.identities, stranger.identity].map(({ bytes }) => bytes);
    const elsewhere: Changed = { recipients: [{ id: parties.principal.identity.cid, role: 'principal', kem }] };
    for (const message of messages()) {
      expect(await codeOf(parties.offer(message, { by: stranger, identities }))).toBe('identity_not_admitted');
      // it could not even be opened, and still admission is what it is refused for
      expect(await codeOf(parties.offer(message, { by: stranger, identities, ...elsewhere }))).toBe(
        'identity_not_admitted',
      );
      expect(await codeOf(parties.offer(message, { by: stranger }))).toBe('identity_not_found');
    }
    await nothingHappened();
  });

  test('by an admitted identity in another role', async () => {
    const identities = [...parties.identities, both.identity].map(({ bytes }) => bytes);
    for (const message of messages()) {
      expect(await codeOf(parties.offer(message, { by: both, from: 'beneficiary', identities }))).toBe(
        'envelope_invalid',
      );
    }
    await nothingHappened();
  });

  test('for another recipient, another role, another key, or one twice', async () => {
    const { cid: id, keys } = parties.fiduciary(1).author.identity;
    const other = parties.fiduciary(2).author.identity;
    const own = { id, role: 'fiduciary', kem: keys.kem } as const;
    for (const message of messages()) {
      for (const recipients of [
        [{ ...own, id: other.cid, kem: other.keys.kem }],
        [{ ...own, role: 'beneficiary' as const }],
        [{ ...own, kem: other.keys.kem }],
        [own, own],
      ]) {
        expect(await codeOf(parties.offer(message, { recipients }))).toBe('envelope_invalid');
      }
    }
    await nothingHappened();
  });

  test('whose header does not fit its statements', async () => {
    const { cid } = parties.fiduciary(1).author.identity;
    for (const message of messages()) {
      expect(await codeOf(parties.offer(message, { order: null }))).toBe('envelope_invalid');
      expect(await codeOf(parties.offer(message, { order: cid }))).toBe('envelope_invalid');
      expect(await codeOf(parties.offer(message, { prev: [cid] }))).toBe('envelope_invalid');
      expect(await codeOf(parties.offer(message, { now: Date.now() + 150_000 }))).toBe('time_ahead');
    }
    await nothingHappened();
  });

  test('with documents that are none, or without those that it takes', async () => {
    const message = parties.message('release', 1);
    const own = parties.principal.identity.bytes;
    const [all, ahead] = [parties.identities.map(({ bytes }) => bytes), await fromAhead()];
    for (const [identities, code] of [
      [[...all, ahead], 'time_ahead'],
      [[own], 'identity_not_found'],
      [[own, randomBytes(100)], 'non_canonical'],
      [[own, encodeCanonical({ body: {}, signatures: [] })], 'identity_invalid'],
    ] as const) {
      expect(await codeOf(parties.offer(message, { identities }))).toBe(code);
    }
    await nothingHappened();
  });

  test('without a statement, or with what is none', async () => {
    const { cid: id, keys } = parties.fiduciary(1).author.identity;
    const { identity, key } = parties.principal;
    for (const [statements, code] of [
      [[], 'envelope_invalid'],
      [[randomBytes(50)], 'non_canonical'],
      [[encodeCanonical({ body: { type: 'request' }, signatures: [] })], 'document_invalid'],
      [[identity.bytes], 'document_invalid'],
    ] as const) {
      const { bytes } = await sealEnvelope(
        {
          sender: identity,
          from: 'principal',
          order: parties.order.ref,
          prev: [],
          log: true,
          recipients: [{ id, role: 'fiduciary', kem: keys.kem }],
          statements,
          now: Date.now(),
        },
        key,
      );
      const payload = encodeBundle({ envelopes: [bytes], attachments: [], identities: [identity.bytes] });
      await refuses(parties.message('release', 1), payload, code);
    }
    await nothingHappened();
  });

  test('under another verb', async () => {
    for (const message of messages()) {
      for (const verb of verbs.filter((other) => other !== message.addressee.verb)) {
        const misled = { ...message, addressee: { ...message.addressee, verb } };
        const code = await codeOf(parties.offer(misled, {}));
        expect(['envelope_invalid', 'order_state_conflict']).toContain(code);
      }
    }
    await nothingHappened();
  });

  test('of an order that it does not know', async () => {
    const aside = new WiredParties(rig, members); // F1 is played by the test: its database knows nothing of the order
    await aside.place();
    await aside.redeem();
    aside.wire(members.f1);
    for (const verb of verbs.slice(1)) {
      expect(await codeOf(aside.ask(aside.message(verb, 1)))).toBe('order_not_found');
    }
    await nothingHappened();
  });
});

test('network, NATS operator, IPFS reader: after all that, an honest order is served', async () => {
  const honest = new WiredParties(rig, members).wire(members.f1);
  await honest.place();
  await honest.redeem();
  expect(honest.order.state).toBe('released');
});
