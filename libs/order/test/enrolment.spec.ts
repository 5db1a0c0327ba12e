import { beforeAll, describe, expect, test } from '@jest/globals';
import { ascii, cidToBytes } from '@dta/codec';
import { kemKeyPair, randomBytes, sha256, secp256k1 } from '@dta/crypto';
import type { StatementOf } from '@dta/identity';
import { enrolmentStatement, requestStatement } from '../src/index.js';
import { replaced, restate, without, withMore } from './forge.js';
import { known, NOW, Parties, type Sent } from './parties.js';
import { refusal } from './refusal.js';

type Enrolment = StatementOf<typeof enrolmentStatement>;

const SETUP_BY = NOW + 15 * 60_000;

let parties: Parties;
let enrolment: Enrolment;
let accept: Sent;

beforeAll(async () => {
  parties = await Parties.before('accept', 2);
  enrolment = parties.evidence.one(enrolmentStatement);
  accept = parties.message('accept', 1);
});

describe('B makes the keys of an order', () => {
  let enrol: Parties;

  beforeAll(async () => {
    enrol = await Parties.before('enrol', 2);
  });

  test('once: the same Request in another envelope gets no second Enrolment', async () => {
    const twice = await Parties.before('accept', 2);
    const [first] = twice.sent;
    await expect(twice.ask(known(first))).rejects.toThrow(refusal('order_state_conflict'));
  });

  test('if the order names it', async () => {
    const stranger = (await Parties.of(0)).beneficiary;
    const message = enrol.message('enrol', 'beneficiary');
    enrol.directory.add([stranger.author.identity.bytes]);
    const others = new Parties(enrol.principal, stranger, enrol.fiduciaries);
    others.order = enrol.order;
    others.directory.add(enrol.identities.map(({ bytes }) => bytes));
    await expect(others.ask(message)).rejects.toThrow(refusal('beneficiary_mismatch'));
  });

  test('until setupBy, not a moment longer', async () => {
    const message = enrol.message('enrol', 'beneficiary');
    await expect(enrol.but({ now: SETUP_BY }).ask(message)).resolves.toBeDefined();
    await expect(enrol.but({ now: SETUP_BY + 1 }).ask(message)).rejects.toThrow(refusal('setup_expired'));
  });

  test('on terms that it checks itself', async () => {
    const message = enrol.message('enrol', 'beneficiary');
    const request = enrol.evidence.request;
    const rules = { notBefore: NOW, maxReleases: null, waitSeconds: null };
    for (const [code, said] of [
      ['terms_invalid', { threshold: 2, minDealers: 1 }],
      ['rule_unsupported', { rules }],
    ] as const) {
      const other = await restate(requestStatement, request, enrol.principal, said);
      const aside = enrol.but({ order: { ...enrol.order, ref: other.cid } });
      await expect(aside.ask(replaced(message, request, other))).rejects.toThrow(refusal(code));
    }
  });

  test('as message of the verb, nothing else', async () => {
    const message = enrol.message('enrol', 'beneficiary');
    const { evidence } = parties;
    const misled = { ...message, statements: [evidence.one(enrolmentStatement), evidence.request] };
    await expect(parties.ask(misled)).rejects.toThrow(refusal('envelope_invalid', 'must be a request'));
  });

  test('fresh, whatever it made before', async () => {
    const message = enrol.message('enrol', 'beneficiary');
    const [one, two] = [await enrol.ask(message), await enrol.ask(message)];
    const [first, second] = [one, two].map(({ reply }) => (reply[0] as Enrolment).body); // what the verb answers with
    expect(first?.ec).not.toEqual(second?.ec);
    expect(first?.kem).not.toEqual(second?.kem);
  });
});

describe('a fiduciary takes no Enrolment', () => {
  const offer = (other: Enrolment) => parties.ask(replaced(accept, enrolment, other));
  const byBeneficiary = (said: Partial<Enrolment['body']>) =>
    restate(enrolmentStatement, enrolment, parties.beneficiary.author, said);

  /** What B's proof signs, as docs/protocol.md §6 says it. */
  const digest = (ec: Uint8Array, kem: Uint8Array) =>
    sha256(
      ascii('DTA-ENROL1'),
      cidToBytes(parties.order.ref),
      cidToBytes(parties.beneficiary.author.identity.cid),
      ec,
      kem,
    );

  test('by anybody but the beneficiary that the Request names', async () => {
    for (const by of [parties.principal, parties.fiduciary(1).author]) {
      const other = await restate(enrolmentStatement, enrolment, by);
      await expect(offer(other)).rejects.toThrow(refusal('signature_invalid', 'someone else'));
    }
  });

  test('whose proof another key made', async () => {
    const { ec, kem } = enrolment.body;
    const other = await byBeneficiary({ pop: secp256k1.popSign(randomBytes(32), digest(ec, kem)) });
    await expect(offer(other)).rejects.toThrow(refusal('pop_invalid'));
  });

  test('whose point is not the one that the proof is about', async () => {
    const other = await byBeneficiary({ ec: secp256k1.publicPoint(randomBytes(32)) });
    await expect(offer(other)).rejects.toThrow(refusal('pop_invalid'));
  });

  test("whose point has the other parity, which BIP-340 alone wouldn't see", async () => {
    const { ec } = enrolment.body;
    const negated = Uint8Array.from([ec[0] === 2 ? 3 : 2, ...ec.slice(1)]);
    await expect(offer(await byBeneficiary({ ec: negated }))).rejects.toThrow(refusal('pop_invalid'));
  });

  test('whose KEM key was changed', async () => {
    const { publicKey: kem } = await kemKeyPair();
    await expect(offer(await byBeneficiary({ kem }))).rejects.toThrow(refusal('pop_invalid'));
  });

  test('whose proof is of another order or beneficiary', async () => {
    const key = parties.beneficiary.secret('enrolment-key').value;
    const { ec, kem } = enrolment.body;
    const [order, owner] = [parties.order.ref, parties.beneficiary.author.identity.cid];
    const elsewhere = sha256(ascii('DTA-ENROL1'), cidToBytes(owner), cidToBytes(order), ec, kem);
    await expect(offer(await byBeneficiary({ pop: secp256k1.popSign(key, elsewhere) }))).rejects.toThrow(
      refusal('pop_invalid'),
    );
    const right = await byBeneficiary({ pop: secp256k1.popSign(key, digest(ec, kem)) });
    await expect(offer(right)).resolves.toBeDefined(); // so it is the digest that was wrong
  });

  test('with a key that nobody can seal to', async () => {
    const key = parties.beneficiary.secret('enrolment-key').value;
    const { ec } = enrolment.body;
    for (const kem of [new Uint8Array(1216).fill(0xff), new Uint8Array(1216)]) {
      const other = await byBeneficiary({ kem, pop: secp256k1.popSign(key, digest(ec, kem)) });
      await expect(offer(other)).rejects.toThrow(refusal('key_invalid'));
    }
  });

  test('with a point that is none', async () => {
    for (const ec of [new Uint8Array(33).fill(5), new Uint8Array(33)]) {
      await expect(offer(await byBeneficiary({ ec }))).rejects.toThrow(refusal('point_invalid'));
    }
  });

  test('beside another, or none at all', async () => {
    const again = await byBeneficiary({});
    await expect(parties.ask(withMore(accept, again))).rejects.toThrow(refusal('envelope_invalid', 'exactly one'));
    await expect(parties.ask(without(accept, enrolment))).rejects.toThrow(refusal('envelope_invalid', 'exactly one'));
  });
});

describe('a fiduciary accepts an order', () => {
  test('that names it', async () => {
    const aside = await Parties.of(1);
    const others = new Parties(parties.principal, parties.beneficiary, [known(aside.fiduciaries[0])]);
    others.order = parties.order;
    others.directory.add(parties.identities.map(({ bytes }) => bytes));
    const { author } = others.fiduciary(1);
    const message = { ...accept, addressee: { ...accept.addressee, party: author.identity.cid } };
    await expect(others.ask(message)).rejects.toThrow(refusal('identity_not_admitted'));
  });

  test('first seen before setupBy', async () => {
    await expect(parties.but({ now: SETUP_BY + 1 }).ask(accept)).rejects.toThrow(refusal('setup_expired'));
    await expect(parties.but({ now: SETUP_BY }).ask(accept)).resolves.toBeDefined();
  });

  test('once', async () => {
    const twice = await Parties.before('deal', 2);
    await expect(twice.ask(twice.message('accept', 1))).rejects.toThrow(refusal('order_state_conflict'));
    const alone = await Parties.of(1);
    await alone.place();
    await expect(alone.ask(alone.message('accept', 1))).rejects.toThrow(refusal('order_state_conflict'));
  });

  test('on terms that it checks itself', async () => {
    const { request } = parties.evidence;
    const other = await restate(requestStatement, request, parties.principal, { minDealers: 1 });
    const aside = parties.but({ order: { ...parties.order, ref: other.cid } });
    const message = { ...accept, statements: [other] };
    await expect(aside.ask(message)).rejects.toThrow(refusal('envelope_invalid', 'exactly one enrolment'));
    const enrolled = await restate(enrolmentStatement, enrolment, parties.beneficiary.author, { order: other.cid });
    await expect(aside.ask(withMore(message, enrolled))).rejects.toThrow(refusal('terms_invalid', 'minDealers'));
  });
});
