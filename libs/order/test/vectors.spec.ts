// One order of two fiduciaries, made by hand (vectors/by-hand.ts) from fixed seeds, and what follows from it by
// docs/protocol.md §6: computed a second time here, and frozen. The literals were taken from this test's own computation
// on 2026-11-30, when documents had got `next`; a change of any byte of the protocol changes them.
import { beforeAll, describe, expect, test } from '@jest/globals';
import { cidFromBytes, type Cid } from '@dta/codec';
import { kemKeyPair, secp256k1 as group } from '@dta/crypto';
import { IdentityDirectory, signStatement, softwareSigningKey } from '@dta/identity';
import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js';
import type { KeyObject } from 'node:crypto';
import {
  acknowledgedStatement,
  commitmentStatement,
  Evidence,
  secretContext,
  verifyCertificate,
} from '../src/index.js';
import { dealerKeySeed } from '../src/acceptance.js';
import { deriveCoefficients } from '../src/deal.js';
import { setupIn } from './parties.js';
import {
  cbor,
  cidBytes,
  cidText,
  ed25519,
  hkdf,
  sha256,
  signed,
  statement,
  u32,
  type Plain,
} from './vectors/by-hand.js';

const NOW = 1_750_000_000_000;
const { Point } = secp256k1;
const q = Point.Fn.ORDER;

const fill = (byte: number, length = 32) => Buffer.alloc(length, byte);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const scalar = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
const number = (bytes: Uint8Array) => BigInt(`0x${hex(bytes)}`);
const pointOf = (bytes: Uint8Array) => Point.fromHex(hex(bytes));
const times = (bytes: Uint8Array) => Buffer.from(Point.BASE.multiply(number(bytes)).toBytes(true));

interface Made {
  readonly cid: Buffer;
  readonly bytes: Buffer;
  readonly body: Plain;
}

interface Party extends Made {
  readonly key: KeyObject;
}

let nonces = 0;
const common = (type: string, issuer: Buffer | null, order: Buffer | null) => ({
  v: 1,
  type,
  issuer,
  order,
  createdAt: NOW,
  nonce: fill(++nonces, 16),
});

function make(key: KeyObject, body: Plain): Made {
  const bytes = statement(body, key);
  return { cid: cidBytes(bytes), bytes, body };
}

async function party(name: string, role: string, seed: number): Promise<Party> {
  const { key, publicBytes: sign } = ed25519(fill(seed));
  const { publicKey: kem } = await kemKeyPair(fill(seed + 1));
  const next = sha256('DTA-NEXTKEY1', ed25519(fill(seed + 2)).publicBytes);
  const said = { name, roles: [role], keys: { sign, kem }, next, recovery: null, prev: null, extension: {} };
  return { ...make(key, { ...common('identity', null, null), ...said }), key };
}

/** b, the coefficients' seeds and the epoch seeds: everything that is secret in this order. */
const secrets = { b: fill(0x0b), kem: fill(0x0c), coefficients: [fill(0x31, 64), fill(0x32, 64)] };
const epochSeed = fill(0x0e);

async function makeOrder() {
  const [p, b, f1, f2] = [
    await party('P', 'principal', 0x10),
    await party('B', 'beneficiary', 0x20),
    await party('F1', 'fiduciary', 0x30),
    await party('F2', 'fiduciary', 0x40),
  ];
  const members = [f1, f2];
  const request = make(p.key, {
    ...common('request', p.cid, null),
    ...{ plugin: 'milagro', kind: 'key', group: 'secp256k1', threshold: 2, fiduciaries: [f1.cid, f2.cid] },
    ...{ single: false, minDealers: 2, minThreshold: 2, beneficiary: b.cid },
    ...{ setupBy: NOW + 900_000, keepUntil: null, cancelDelay: 604_800_000, rules: null, realm: null, extension: {} },
  });
  const { publicKey: kem } = await kemKeyPair(secrets.kem);
  const ec = times(secrets.b);
  const enrolmentDigest = sha256('DTA-ENROL1', request.cid, b.cid, ec, kem);
  const enrolment = make(b.key, {
    ...common('enrolment', b.cid, request.cid),
    ...{ kem, ec, pop: Buffer.from(schnorr.sign(enrolmentDigest, secrets.b, fill(0))) },
  });
  const setup = { enrolment: enrolment.cid, epoch: 0, mode: 'new', base: null, consent: null };
  const keys = await Promise.all(
    [1, 2].map(async (dealer): Promise<Plain> => {
      const { publicKey } = await kemKeyPair(hkdf(epochSeed, ['DTA-KEY1', u32(dealer)], 32));
      return [dealer, sha256(publicKey)];
    }),
  );
  const acceptances = members.map((f) => make(f.key, { ...common('acceptance', f.cid, request.cid), ...setup, keys }));
  const coefficients = secrets.coefficients.map((seed) =>
    [0, 1].map((k) => scalar(number(hkdf(seed, ['DTA-COEFF1', request.cid, u32(0), u32(k)], 48)) % q)),
  );
  const digests = coefficients.map((polynomial, at) =>
    sha256('DTA-DEAL1', request.cid, enrolment.cid, u32(0), u32(at + 1), ...polynomial.map(times)),
  );
  const deals = members.map((f, at) =>
    make(f.key, {
      ...common('deal', f.cid, request.cid),
      ...setup,
      ...{ acceptances: acceptances.map(({ cid }, member) => [member + 1, cid]), dealer: at + 1 },
      ...{ points: (coefficients[at] ?? []).map(times), shares: [1, 2].map((member) => [member, fill(0x50 + member)]) },
      pop: Buffer.from(schnorr.sign(digests[at] ?? fill(0), coefficients[at]?.[0] ?? fill(0), fill(0))),
    }),
  );
  const lists = {
    members: members.map((f, at): Plain => [at + 1, f.cid, acceptances[at]?.cid ?? null]),
    deals: deals.map(({ cid }, at): Plain => [at + 1, cid]),
  };
  const manifest = make(p.key, {
    ...common('manifest', p.cid, request.cid),
    ...{ ...setup, round: 0, threshold: 2, ...lists, excluded: [] },
  });
  const transcript = sha256(
    'DTA-TRANSCRIPT1',
    cbor(['key', 'secp256k1', request.cid, enrolment.cid, 0, 'new', null, null, 0, 2, lists.members, lists.deals]),
  );
  const vector = [0, 1].map((k) =>
    Buffer.from(
      coefficients
        .map((polynomial) => pointOf(times(polynomial[k] ?? fill(1))))
        .reduce((sum, point) => sum.add(point))
        .toBytes(true),
    ),
  );
  const commitment = Buffer.from(
    pointOf(vector[0] ?? fill(0))
      .add(pointOf(ec))
      .toBytes(true),
  );
  const confirmations = members.map((f) =>
    make(f.key, { ...common('confirmation', f.cid, request.cid), transcript, vector: sha256(...vector) }),
  );
  const certificate = make(p.key, { ...common('commitment', p.cid, request.cid), transcript, vector, commitment });
  return {
    parties: [p, b, f1, f2],
    statements: [certificate, request, enrolment, manifest, ...acceptances, ...deals, ...confirmations],
    ...{ request, enrolment, manifest, acceptances, deals, confirmations, certificate },
    ...{ coefficients, transcript, vector, commitment, enrolmentDigest, digests },
  };
}

let made: Awaited<ReturnType<typeof makeOrder>>;
let evidence: Evidence;

beforeAll(async () => {
  made = await makeOrder();
  const directory = new IdentityDirectory();
  directory.add(made.parties.map(({ bytes }) => new Uint8Array(bytes)));
  const order = cidFromBytes(new Uint8Array(made.request.cid));
  evidence = Evidence.read(
    order,
    made.statements.map(({ bytes }) => new Uint8Array(bytes)),
    { directory, stored: new Set(), now: NOW },
  );
});

describe('statements', () => {
  test('made by hand are read, under the names that their bytes give them', () => {
    expect(evidence.statements.map(({ cid }) => cid)).toEqual(made.statements.map(({ cid }) => cidText(cid)));
    const { request, enrolment, manifest, certificate } = made;
    expect([request, enrolment, manifest, certificate].map(({ cid }) => cidText(cid))).toEqual([
      'bafyreial4xr6zsfn6lvlarhpifbt7es3jcwhaaijbp2ctggo3kbaeyvp7m',
      'bafyreiejbkglbjijag3vogrkree6ikhgbcrtnd7vtla5mu3dqomyqdq6lu',
      'bafyreihqnt2vmpzqhapinazwoctw7vkxy3qmgaiho2lzttxlsxrw7ry5v4',
      'bafyreiegh6nxr6ne3uebppgh7i4xlmro5ghqim2gto646jf4uxmquyxbza',
    ]);
  });

  test('made by the library are those bytes, and their signatures hold', async () => {
    const { request, manifest } = made;
    const [p = { ...request, key: ed25519(fill(0)).key }] = made.parties;
    const issuer = cidFromBytes(new Uint8Array(p.cid));
    const said = {
      issuer,
      order: evidence.order,
      createdAt: NOW,
      statement: cidFromBytes(new Uint8Array(manifest.cid)),
    };
    const key = softwareSigningKey(new Uint8Array(fill(0x10)));
    const { body, bytes, signatures } = await signStatement(acknowledgedStatement, said, [key]);
    const plain = {
      ...{ v: 1, type: 'acknowledged', issuer: p.cid, order: request.cid, createdAt: NOW },
      ...{ nonce: body.nonce, statement: manifest.cid },
    };
    expect(hex(bytes)).toBe(hex(cbor({ body: plain, signatures: [...signatures] })));
    expect(signatures.map((signature) => signed(plain, signature, p.key))).toEqual([true]);
  });
});

describe('what follows from them', () => {
  test('transcript, vector, and Y', () => {
    const setup = setupIn(evidence);
    expect(hex(setup.transcript)).toBe(hex(made.transcript));
    expect(hex(setup.transcript)).toBe('17e7d3581e4bb880868640da6ee392b2db6702403e0fe04cd07f46fea29f1a28');
    expect(setup.vector.map(hex)).toEqual(made.vector.map(hex));
    expect(hex(setup.vectorHash)).toBe(hex(sha256(...made.vector)));
    expect(hex(setup.vectorHash)).toBe('d5386a4eecfd3e98e758e5ecc8ab3dd21970c31fbe79e3e8d8ed4210892d5317');
    expect(hex(setup.commitment)).toBe(hex(made.commitment));
    expect(hex(setup.commitment)).toBe('02b388d19bc246cb3afba0202b4a7dbc372b2fe532779ee7d37ce931330915781c');
  });

  test('a certificate that holds', () => {
    expect(() => verifyCertificate(evidence.one(commitmentStatement), setupIn(evidence), evidence)).not.toThrow();
  });

  test('the digests that the proofs of possession are over', () => {
    expect(hex(made.enrolmentDigest)).toBe('48ae4d1e5bd479ec862ffdf843587523b7d0e975b455ac612204886186f65c1d');
    expect(made.digests.map(hex)).toEqual([
      'bc0f48fa529854f6daa2a10d00771df017b86c8ba6acb7b7bd7704d1620b5d72',
      '2cfc3a9e451223ee5dafff6eb051857a02bcc5c0c7b1b1495207d2fbbe888946',
    ]);
  });
});

describe('what is derived', () => {
  const order = (): Cid => evidence.order;

  test('coefficients', () => {
    for (const [at, seed] of secrets.coefficients.entries()) {
      const derived = deriveCoefficients(group, new Uint8Array(seed), order(), 0, 2);
      expect(derived.map(hex)).toEqual(made.coefficients[at]?.map(hex));
    }
    expect(made.coefficients.flat().map(hex)).toEqual([
      '075618382402d0d1d93375e52e686253d1cb2bc50bd52021ac73583bda2ff8c1',
      '1508b81e8624adeea892fdeefe61dc4897df62c4e6d4dfacf8bdcf7c1d17fb82',
      '8fb3ce4258145c4d8df0d411e261fba152ca70ac7e3a76bd786f44ed5dc4c709',
      'e3e7a86c99e0712576b8f55b681c564c31eb611d450b54f71e0690047b65c144',
    ]);
    const other = deriveCoefficients(group, new Uint8Array(fill(0x31, 64)), order(), 1, 1).map(hex);
    expect(other).toEqual([
      hex(scalar(number(hkdf(fill(0x31, 64), ['DTA-COEFF1', made.request.cid, u32(1), u32(0)], 48)) % q)),
    ]);
  });

  test('the seed of a key for one dealer', () => {
    const seeds = [1, 2, 32].map((dealer) => hex(dealerKeySeed(new Uint8Array(epochSeed), dealer)));
    expect(seeds).toEqual([1, 2, 32].map((dealer) => hex(hkdf(epochSeed, ['DTA-KEY1', u32(dealer)], 32))));
    expect(seeds).toEqual([
      '7caf2a0e6c3d7a154f58bbfe86e5bd6955389fce05d3dac6edf3d1ad8877289b',
      '8ea60a668b4e129a62a2eb12993a83e249b43d90e964007c8fcf3f4b9a8e5ff7',
      '89566296c6511b591e8fc1500f994f406293521c4975fb260a751f3c3ac4c27d',
    ]);
  });

  test('what a sealed row is bound to', () => {
    const owner = cidFromBytes(new Uint8Array(made.parties[2]?.cid ?? []));
    const place = { request: order(), epoch: 3, transcript: new Uint8Array(fill(7)), index: 2 };
    const context = secretContext(owner, 'fiduciary', { what: 'share', ...place });
    const { cid } = made.request;
    expect(hex(context)).toBe(
      hex(cbor(['DTA-SEALED1', made.parties[2]?.cid ?? null, 'fiduciary', 'share', cid, 3, fill(7), 2])),
    );
    expect(hex(sha256(context))).toBe('733d6a7aaa95e8b125def7d4b1eb8566ee63d5126ca192308df0743ad461dd8e');
    const own = { what: 'record-key', request: null, epoch: 0, transcript: null, index: null } as const;
    expect(hex(secretContext(owner, 'principal', own))).toBe(
      hex(cbor(['DTA-SEALED1', made.parties[2]?.cid ?? null, 'principal', 'record-key', null, 0, null, null])),
    );
  });

  test('no two places of a row are bound alike', () => {
    const [, , one = made.request, two = made.request] = made.parties;
    const [owner, other] = [one, two].map(({ cid }) => cidFromBytes(new Uint8Array(cid)));
    if (owner === undefined || other === undefined) throw new Error('two fiduciaries');
    const place = { what: 'share', request: order(), epoch: 0, transcript: new Uint8Array(32), index: 1 } as const;
    const contexts = [
      secretContext(owner, 'fiduciary', place),
      secretContext(other, 'fiduciary', place),
      secretContext(owner, 'beneficiary', place),
      secretContext(owner, 'fiduciary', { ...place, what: 'subshare' }),
      secretContext(owner, 'fiduciary', { ...place, request: null }),
      secretContext(owner, 'fiduciary', { ...place, request: owner }),
      secretContext(owner, 'fiduciary', { ...place, epoch: 1 }),
      secretContext(owner, 'fiduciary', { ...place, transcript: null }),
      secretContext(owner, 'fiduciary', { ...place, transcript: new Uint8Array(32).fill(1) }),
      secretContext(owner, 'fiduciary', { ...place, index: null }),
      secretContext(owner, 'fiduciary', { ...place, index: 2 }),
    ];
    expect(new Set(contexts.map(hex)).size).toBe(contexts.length);
  });
});
