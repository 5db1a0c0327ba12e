import { beforeAll, describe, expect, test } from '@jest/globals';
import { decodeCanonical, encodeCanonical, type Cid } from '@dta/codec';
import { randomBytes } from '@dta/crypto';
import type { EnvelopeHeader } from '@dta/envelope';
import { IdentityDirectory, signStatement, type Identity } from '@dta/identity';
import {
  complaintStatement,
  enrolmentStatement,
  Evidence,
  forwardStatement,
  manifestStatement,
  mayBeLogged,
  readStatements,
  releaseStatement,
  requestStatement,
  type Author,
  type OrderStatement,
  type Request,
  type Verifier,
} from '../src/index.js';
import { anyHash, restate } from './forge.js';
import { author, NOW, Parties, successor as rotate } from './parties.js';
import { refusal } from './refusal.js';

let parties: Parties;
let request: Request;

beforeAll(async () => {
  parties = await Parties.before('deal', 2);
  request = parties.evidence.request;
});

const verifier = (said: Partial<Verifier> = {}): Verifier => ({ ...parties.verifier, ...said });
const read = (statement: OrderStatement, said: Partial<Verifier> = {}) =>
  Evidence.read(request.cid, [statement.bytes], verifier(said));

describe('a statement of an order', () => {
  test('belongs to that order', async () => {
    const other = await restate(requestStatement, request, parties.principal);
    expect(() => read(other)).toThrow(refusal('envelope_invalid', 'another order'));
    const enrolment = parties.evidence.one(enrolmentStatement);
    const elsewhere = await restate(enrolmentStatement, enrolment, parties.beneficiary.author, { order: other.cid });
    expect(() => read(elsewhere)).toThrow(refusal('envelope_invalid', 'another order'));
    const nowhere = await restate(enrolmentStatement, enrolment, parties.beneficiary.author, { order: null });
    expect(() => read(nowhere)).toThrow(refusal('envelope_invalid', 'another order'));
  });

  test('a Request names no order, not even in an envelope that names it', async () => {
    const named = await restate(requestStatement, request, parties.principal, { order: request.cid });
    expect(() => Evidence.read(named.cid, [named.bytes], verifier())).toThrow(refusal('envelope_invalid', 'another'));
  });

  test('may be dated up to 120 s ahead, and any time ago', () => {
    expect(() => read(request, { now: NOW - 120_000 })).not.toThrow();
    expect(() => read(request, { now: NOW - 120_001 })).toThrow(refusal('time_ahead'));
    expect(() => read(request, { now: NOW + 1_000 * 365 * 24 * 60 * 60_000 })).not.toThrow();
  });

  test('that this node has stored may be dated ahead of a clock that went back since; one that is new may not', () => {
    const aYear = 365 * 24 * 60 * 60_000;
    const stored = new Set([request.cid]);
    expect(() => read(request, { now: NOW - aYear, stored })).not.toThrow();
    const both = [request.bytes, parties.evidence.one(enrolmentStatement).bytes];
    const readBoth = () => Evidence.read(request.cid, both, verifier({ now: NOW - aYear, stored }));
    expect(readBoth).toThrow(refusal('time_ahead'));
  });

  test('is signed by its issuer', async () => {
    const thief = { identity: parties.principal.identity, key: parties.beneficiary.author.key };
    const forged = await restate(requestStatement, request, thief);
    const read = () => Evidence.read(forged.cid, [forged.bytes], verifier());
    expect(read).toThrow(refusal('signature_invalid'));
  });

  test('has one signature: a second would make another name for the same words', () => {
    const plain = decodeCanonical(request.bytes, request.bytes.length) as object; // a map, as every statement
    const twice = encodeCanonical({ ...plain, signatures: [...request.signatures, randomBytes(64)] });
    expect(() => Evidence.read(request.cid, [twice], verifier())).toThrow(refusal('document_invalid'));
  });

  test('has an issuer, whose document is at hand', async () => {
    const nobody = await restate(enrolmentStatement, parties.evidence.one(enrolmentStatement), parties.principal, {
      issuer: null,
    });
    expect(() => read(nobody)).toThrow(refusal('envelope_invalid', 'without an issuer'));
    const stranger = await restate(
      enrolmentStatement,
      parties.evidence.one(enrolmentStatement),
      await author('stranger', 'beneficiary'),
    );
    expect(() => read(stranger)).toThrow(refusal('identity_not_found'));
  });

  test('is canonical, and of a type that has a place in an order', () => {
    for (const length of [0, 1, 100, request.bytes.length - 1]) {
      const cut = request.bytes.slice(0, length);
      expect(() => Evidence.read(request.cid, [cut], verifier())).toThrow(refusal('non_canonical'));
    }
    const { statement } = parties.principal.identity;
    expect(() => Evidence.read(request.cid, [statement.bytes], verifier())).toThrow(refusal('document_invalid'));
  });
});

describe('who speaks for a chain', () => {
  let successor: Author;
  let twin: Author;

  const knowing = (...more: Identity[]) => {
    const directory = new IdentityDirectory({ below: parties.directory });
    directory.add(more.map(({ bytes }) => bytes));
    return directory;
  };

  const enrolmentBy = (by: Author) => restate(enrolmentStatement, parties.evidence.one(enrolmentStatement), by);

  beforeAll(async () => {
    successor = await rotate(parties.beneficiary.author);
    twin = await rotate(parties.beneficiary.author);
  });

  test('its newest document alone, of what is new', async () => {
    const directory = knowing(successor.identity);
    const [old, fresh] = [await enrolmentBy(parties.beneficiary.author), await enrolmentBy(successor)];
    expect(() => read(old, { directory })).toThrow(refusal('identity_frozen'));
    expect(() => read(fresh, { directory })).not.toThrow();
    expect(read(fresh, { directory }).isBy(fresh, request.body.beneficiary)).toBe(true);
  });

  test('nobody, where it forks', async () => {
    const directory = knowing(successor.identity, twin.identity);
    for (const by of [parties.beneficiary.author, successor, twin]) {
      const said = await enrolmentBy(by);
      expect(() => read(said, { directory })).toThrow(refusal('identity_frozen', '', { standing: 'frozen' }));
    }
  });

  test('nobody, once it is revoked', async () => {
    const directory = knowing();
    directory.revoke(parties.beneficiary.author.identity.cid);
    const said = await enrolmentBy(parties.beneficiary.author);
    expect(() => read(said, { directory })).toThrow(refusal('identity_frozen', '', { standing: 'revoked' }));
  });

  test('what was stored before stays said', async () => {
    const said = await enrolmentBy(parties.beneficiary.author);
    const stored = new Set([said.cid]);
    const revoked = knowing();
    revoked.revoke(parties.beneficiary.author.identity.cid);
    for (const directory of [knowing(successor.identity), knowing(successor.identity, twin.identity), revoked]) {
      expect(read(said, { directory, stored }).isStored(said)).toBe(true);
    }
    expect(read(said).isStored(said)).toBe(false);
  });
});

describe('a statement whose signature this process verified before', () => {
  test('is refused all the same for what time and place can change', () => {
    const verified = new Map<Cid, OrderStatement>();
    read(request, { verified });
    expect([...verified.keys()]).toEqual([request.cid]);
    expect(read(request, { verified }).request).toBe(verified.get(request.cid));
    expect(() => read(request, { verified, now: NOW - 120_001 })).toThrow(refusal('time_ahead'));
    const revoked = new IdentityDirectory({ below: parties.directory });
    revoked.revoke(parties.principal.identity.cid);
    expect(() => read(request, { verified, directory: revoked })).toThrow(refusal('identity_frozen'));
    expect(() => read(request, { verified, directory: new IdentityDirectory() })).toThrow(
      refusal('identity_not_found'),
    );
    const elsewhere = parties.evidence.one(enrolmentStatement).cid;
    expect(() => Evidence.read(elsewhere, [request.bytes], verifier({ verified }))).toThrow(
      refusal('envelope_invalid', 'another order'),
    );
  });

  test('is remembered only if the signature held', async () => {
    const verified = new Map<Cid, OrderStatement>();
    const thief = { identity: parties.beneficiary.author.identity, key: parties.principal.key };
    const forged = await restate(enrolmentStatement, parties.evidence.one(enrolmentStatement), thief);
    for (const _ of [1, 2]) expect(() => read(forged, { verified })).toThrow(refusal('signature_invalid'));
    expect(verified.size).toBe(0);
  });
});

describe('an opened envelope', () => {
  const header = (said: Partial<EnvelopeHeader> = {}): EnvelopeHeader => ({
    v: 1,
    type: 'envelope',
    sender: parties.principal.identity.cid,
    from: 'principal',
    order: request.cid,
    prev: [],
    log: true,
    createdAt: NOW,
    nonce: randomBytes(16),
    recipients: [],
    ...said,
  });
  const open = (statements: readonly OrderStatement[], said: Partial<EnvelopeHeader> = {}) =>
    readStatements(
      header(said),
      statements.map(({ bytes }) => bytes),
      verifier(),
    );

  test('names the order of its statements', async () => {
    const other = await restate(requestStatement, request, parties.principal);
    expect(open([request]).request.cid).toBe(request.cid);
    expect(() => open([request], { order: null })).toThrow(refusal('envelope_invalid', 'names it'));
    expect(() => open([request], { order: other.cid })).toThrow(refusal('envelope_invalid', 'another order'));
    expect(() => open([request, other])).toThrow(refusal('envelope_invalid', 'another order'));
  });

  test("holds the sender's own word first", () => {
    const enrolment = parties.evidence.one(enrolmentStatement);
    expect(() => open([enrolment, request])).toThrow(refusal('envelope_invalid', "not by the envelope's sender"));
    expect(() => open([])).toThrow(refusal('envelope_invalid', "not by the envelope's sender"));
    expect(() => open([request], { sender: parties.beneficiary.author.identity.cid })).toThrow(
      refusal('envelope_invalid', "not by the envelope's sender"),
    );
  });

  test('never lets the log keep a Release or a Complaint', async () => {
    const { author } = parties.fiduciary(1);
    const common = { issuer: author.identity.cid, order: request.cid, createdAt: NOW };
    const release = await signStatement(
      releaseStatement,
      { ...common, redemption: request.cid, transcript: anyHash(), epoch: 0, index: 1, share: anyHash() },
      [author.key],
    );
    const complaint = await signStatement(
      complaintStatement,
      { ...common, manifest: request.cid, dealer: 1, seed: anyHash() },
      [author.key],
    );
    const sender = author.identity.cid;
    for (const statement of [release, complaint]) {
      expect(mayBeLogged([statement])).toBe(false);
      expect(() => open([statement], { sender })).toThrow(refusal('envelope_invalid', 'must not be logged'));
      expect(() => open([statement], { sender, log: false })).not.toThrow();
      expect(() => open([request, statement])).toThrow(refusal('envelope_invalid', 'must not be logged'));
    }
    expect(mayBeLogged([request])).toBe(true);
  });
});

describe('evidence', () => {
  test('has exactly one of what belongs there once', async () => {
    const { evidence } = parties;
    const again = await restate(enrolmentStatement, evidence.one(enrolmentStatement), parties.beneficiary.author);
    expect(() => evidence.with(again).one(enrolmentStatement)).toThrow(refusal('envelope_invalid', 'exactly one'));
    expect(() => evidence.one(manifestStatement)).toThrow(refusal('envelope_invalid', 'exactly one'));
    expect(() => evidence.get(manifestStatement, request.cid)).toThrow(refusal('envelope_invalid', 'referred to'));
    expect(evidence.with(request).all(requestStatement)).toHaveLength(1);
  });

  test('knows by whom its message must be', () => {
    const message = parties.message('deal', 1);
    const evidence = parties.read(message.statements.map(({ bytes }) => bytes));
    expect(evidence.messageByPrincipal(forwardStatement).cid).toBe(message.statements[0]?.cid);
    for (const other of [evidence, parties.read([])])
      expect(() => other.messageByPrincipal(manifestStatement)).toThrow(refusal('envelope_invalid', 'must be a'));
    const enrolment = evidence.one(enrolmentStatement);
    const byOther = parties.read([enrolment, request].map(({ bytes }) => bytes));
    expect(() => byOther.messageByPrincipal(enrolmentStatement)).toThrow(refusal('signature_invalid'));
  });
});
