import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Cid } from '@dta/codec';
import type { OrderProgress, ParamsOf } from '@dta/contracts';
import { randomBytes, secp256k1 } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { signStatement } from '@dta/identity';
import { cast, member, PlayedPeers, RoleRig, type Cast, type Member, type PlayedReply } from '@dta/node/testing';
import {
  acceptanceStatement,
  acknowledgedStatement,
  confirmationStatement,
  dealStatement,
  manifestStatement,
  receiptStatement,
  requestStatement,
  type PrincipalVerb,
} from '@dta/order';
import { known, type Parties } from '@dta/order/testing';
import type { StatementOf, StatementType } from '@dta/identity';
import { startPrincipal, type PrincipalOptions } from '../src/index.js';
import { asked } from './asked.js';

type Tamper = (reply: PlayedReply, order: Parties) => PlayedReply | Promise<PlayedReply>;

let rig: RoleRig;
let members: Cast;
let stranger: Member;
let options: PrincipalOptions;
let peers: PlayedPeers;

beforeAll(async () => {
  rig = await RoleRig.open();
  members = await cast();
  stranger = await member('X', 'fiduciary');
  const { p, b, f1, f2 } = members;
  const common = await rig.prepare(p, 'principal', [b.identity, f1.identity, f2.identity]);
  options = { ...common, beneficiary: b.identity.cid, fiduciarySet: [f1.identity.cid, f2.identity.cid] };
  peers = await PlayedPeers.serve(rig, members);
  await rig.start(startPrincipal, options);
});

afterAll(async () => {
  await rig.close();
});

/** The first statement of a reply, as its verb says it is. */
const firstOf = <S extends StatementType>(reply: PlayedReply) => reply.statements[0] as unknown as StatementOf<S>; // see there

/** What its author says in the place of the first statement. */
const saying =
  <S extends StatementType>(type: S, said: object): Tamper =>
  async (reply) => {
    const { body } = firstOf<S>(reply);
    const other = await signStatement(type, { ...(body as object), ...said } as never, [reply.by.key]); // S's own words
    return { ...reply, statements: [other as never, ...reply.statements.slice(1)] }; // S has a place in an order
  };

/** One statement more, of its author's. */
const adding =
  <S extends StatementType>(type: S, body: (reply: PlayedReply, order: Parties) => object): Tamper =>
  async (reply, order) => {
    const common = { issuer: reply.by.identity.cid, order: order.order.ref, createdAt: Date.now() };
    const more = await signStatement(type, { ...body(reply, order), ...common } as never, [reply.by.key]); // S's words
    return { ...reply, statements: [...reply.statements, more as never] }; // as above
  };

const oneOf = <S extends StatementType>(order: Parties, type: S): StatementOf<S> =>
  known(order.statementsOf(type).find(() => true));

/** By whom, to which verb, what a dishonest party answers once, and what P refuses it for. */
const cases: readonly (readonly [string, 'b' | 'f2', PrincipalVerb, Tamper, string])[] = [
  ['a reply by a stranger', 'f2', 'accept', (reply) => ({ ...reply, by: stranger }), 'identity_not_admitted'],
  ['a reply by another member', 'f2', 'accept', (reply) => ({ ...reply, by: members.f1 }), 'envelope_invalid'],
  ['a reply to another message', 'b', 'enrol', sealed(() => ({ prev: [members.b.identity.cid] })), 'envelope_invalid'],
  ['a reply to no message', 'b', 'enrol', sealed(() => ({ prev: [] })), 'envelope_invalid'],
  ['a reply of another order', 'f2', 'deal', sealed(() => ({ order: members.b.identity.cid })), 'envelope_invalid'],
  ['a reply of no order', 'f2', 'deal', sealed(() => ({ order: null })), 'envelope_invalid'],
  ['a reply dated ahead', 'f2', 'confirm', sealed(() => ({ now: Date.now() + 150_000 })), 'time_ahead'],
  ['a reply to somebody else', 'f2', 'confirm', sealed(() => ({ recipients: [toF1()] })), 'envelope_invalid'],
  ['forged words', 'f2', 'confirm', forged, 'signature_invalid'],
  ['no statement', 'f2', 'confirm', (reply) => ({ ...reply, statements: [] }), 'envelope_invalid'],
  ['an Enrolment and one more', 'b', 'enrol', doubled, 'envelope_invalid'],
  ['an Acceptance without its keys', 'f2', 'accept', (reply) => ({ ...reply, attachments: [] }), 'attachment_invalid'],
  ['an Acceptance of another epoch', 'f2', 'accept', saying(acceptanceStatement, { epoch: 1 }), 'deal_invalid'],
  ['a Deal without its shares', 'f2', 'deal', (reply) => ({ ...reply, attachments: [] }), 'attachment_invalid'],
  ['a Deal without its proof', 'f2', 'deal', saying(dealStatement, { pop: randomBytes(64) }), 'pop_invalid'],
  ['a Deal in the name of F1', 'f2', 'deal', saying(dealStatement, { dealer: 1 }), 'deal_invalid'],
  [
    'a Confirmation of another vector',
    'f2',
    'confirm',
    saying(confirmationStatement, { vector: randomBytes(32) }),
    'transcript_mismatch',
  ],
  [
    'a Confirmation, and a Manifest of its own, which would stop the order for ever',
    'f2',
    'confirm',
    adding(manifestStatement, (_, order) => oneOf(order, manifestStatement).body),
    'envelope_invalid',
  ],
  [
    'an Acknowledged, and a second Deal, which would stop every redemption',
    'f2',
    'commit',
    adding(dealStatement, (_, order) => known(order.statementsOf(dealStatement)[1]).body),
    'envelope_invalid',
  ],
  [
    'an Acknowledged of something else',
    'f2',
    'commit',
    saying(acknowledgedStatement, { statement: toCid() }),
    'envelope_invalid',
  ],
  ['no Release beside a Released', 'f2', 'release', (reply) => ({ ...reply, further: [] }), 'release_invalid'],
  [
    'two Releases',
    'f2',
    'release',
    (reply) => ({ ...reply, further: [...reply.further, ...reply.further] }),
    'release_invalid',
  ],
  ['a Release that is none', 'f2', 'release', (reply) => ({ ...reply, further: [randomBytes(900)] }), 'non_canonical'],
  ['a Receipt for too few shares', 'b', 'redeem', saying(receiptStatement, { good: [1] }), 'shares_insufficient'],
  ['an error of its own', 'f2', 'accept', throwing('order_state_conflict'), 'order_state_conflict'],
  ['an error that sounds final', 'f2', 'release', throwing('redemption_limit'), 'redemption_limit'],
];

function sealed(change: () => PlayedReply['sealed']): Tamper {
  return (reply) => ({ ...reply, sealed: change() });
}

function forged(reply: PlayedReply): PlayedReply {
  const [first] = reply.statements;
  const bytes = known(first).bytes.slice();
  bytes.set([known(bytes.at(-1)) ^ 1], bytes.length - 1); // of the signature, which comes last
  return { ...reply, statements: [{ ...known(first), bytes }] };
}

function doubled(reply: PlayedReply): PlayedReply {
  return { ...reply, statements: [...reply.statements, ...reply.statements] };
}

function throwing(code: 'order_state_conflict' | 'redemption_limit'): Tamper {
  return () => {
    throw new DtaError(code, 'says who');
  };
}

function toF1() {
  const { cid, keys } = members.f1.identity;
  return { id: cid, role: 'fiduciary', kem: keys.kem } as const;
}

/** A CID of nothing in particular. */
function toCid(): Cid {
  return 'bafyreih2sfod5jsdykl637b7mkv53ddai5wc5jfx4x4hb3px6ddoohr7pa' as Cid; // well formed
}

const call = <V extends 'principal.place-order' | 'principal.redeem-order' | 'principal.await-order'>(
  name: V,
  params: ParamsOf<V>,
) => rig.call(options, members.p, name, params);

const place = (extension: Record<string, unknown> = {}): Promise<OrderProgress> =>
  call('principal.place-order', asked({ extension }));

/** Waits until something shows in the log, which may be a moment after it has happened. */
async function until(condition: () => boolean): Promise<void> {
  for (let at = 0; !condition() && at < 1_500; at++) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function reach(orderReference: Cid, state: 'committed' | 'released'): Promise<void> {
  const view = await call('principal.await-order', { orderReference, until: state, waitMs: 60_000 });
  expect(view.state).toBe(state);
}

async function redeemed(orderReference: Cid): Promise<void> {
  await reach(orderReference, 'committed');
  await call('principal.redeem-order', {
    ...{ orderReference, beneficiary: null, extension: {}, idempotencyKey: null, waitMs: 0 },
  });
  await reach(orderReference, 'released');
  const { value } = peers.order(orderReference).beneficiary.secret('secret');
  const [commitment] = [await call('principal.await-order', { orderReference, until: 'released', waitMs: 0 })];
  expect(secp256k1.publicPoint(value)).toEqual(commitment.commitment);
}

/** Which case an order was placed for. */
const caseOf = (order: Parties): unknown => order.statementsOf(requestStatement)[0]?.body.extension['case'];

/** Codes for which this order's answers were refused, by verb. */
function refusals(orderReference: Cid): string[] {
  const lines = rig.logged.map((line) => JSON.parse(line) as Record<string, unknown>); // pino writes objects
  return lines
    .filter((line) => line['orderReference'] === orderReference && line['msg'] === 'a delivery is still owed')
    .map((line) => `${String(line['verb'])} ${String(line['code'])}`);
}

describe('one dishonest answer is as good as none: P refuses it, asks again, and the order goes on', () => {
  let placed: readonly Cid[];

  beforeAll(async () => {
    const refused = new Set<Cid>();
    peers.tamper = async (reply, verb, order) => {
      const [, who, at, tamper] = known(cases[Number(caseOf(order))]);
      if (verb !== at || reply.by !== members[who] || refused.has(order.order.ref)) return reply;
      refused.add(order.order.ref);
      return tamper(reply, order);
    };
    placed = await Promise.all(cases.map(async (_, at) => (await place({ case: at })).orderReference));
  });

  test('all orders are committed, and redeemed where what was answered might have stood in the way', async () => {
    await Promise.all(placed.map((ref) => reach(ref, 'committed')));
    const late = placed.filter((_, at) => ['confirm', 'commit', 'release', 'redeem'].includes(known(cases[at])[2]));
    await Promise.all(late.map(redeemed));
  }, 90_000);

  test.each(cases.map(([name, , verb, , code], at) => [name, verb, code, at] as const))(
    '%s (%s: %s)',
    async (_, verb, code, at) => {
      const ref = known(placed[at]);
      await until(() => refusals(ref).length > 0);
      expect(refusals(ref)).toContain(`${verb} ${code}`);
    },
  );
});

describe('network, NATS operator, IPFS reader: what comes back is not what was sent', () => {
  const garbled: readonly (readonly [
    string,
    PrincipalVerb,
    (bytes: Uint8Array, others: readonly Uint8Array[]) => Uint8Array,
    string,
  ])[] = [
    ['nothing', 'enrol', () => new Uint8Array(), 'non_canonical'],
    ['half of it', 'accept', (bytes) => bytes.slice(0, bytes.length / 2), 'non_canonical'],
    ['one byte less', 'deal', (bytes) => bytes.slice(0, -1), 'non_canonical'],
    ['bytes at random', 'confirm', () => randomBytes(1_000), 'non_canonical'],
    ['more than fits', 'commit', () => new Uint8Array(1024 * 1024 + 1), 'too_large'],
    ['an empty map', 'release', () => Uint8Array.of(0xa0), 'document_invalid'],
    ['a reply to an earlier message', 'confirm', (bytes, others) => others[0] ?? bytes, 'envelope_invalid'],
    [
      'a bit turned over',
      'deal',
      (bytes) => bytes.with(bytes.length >> 2, bytes.at(bytes.length >> 2) === 0 ? 1 : 0), // of the envelope, which comes first
      'any',
    ],
  ];

  test.each(garbled)('%s, in the place of the answer to %s', async (_, at, garble, code) => {
    const seen: Uint8Array[] = [];
    let done = false;
    peers.tamper = async (reply) => reply;
    peers.garble = (bytes, verb, by, order) => {
      if (caseOf(order) !== at || (by !== members.f1 && verb !== 'enrol')) return bytes;
      seen.push(bytes);
      if (done || verb !== at) return bytes;
      done = true;
      return garble(bytes, seen);
    };
    const { orderReference } = await place({ case: at });
    if (at === 'release') await redeemed(orderReference);
    else await reach(orderReference, 'committed');
    const refused = () => refusals(orderReference).filter((said) => !said.endsWith(' timeout')); // on a slow machine
    await until(() => refused().length > 0);
    const [first = ''] = refused();
    if (code === 'any') expect(first).toMatch(/^deal \w+_(invalid|canonical)$/);
    else expect(first).toBe(`${at} ${code}`);
  });

  test('no error was unforeseen', () => {
    expect(rig.logged.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
  });
});
