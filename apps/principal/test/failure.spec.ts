import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ascii, cidToBytes, concat, u32, type Cid } from '@dta/codec';
import { internalSubject, type OrderProgress, type ParamsOf } from '@dta/contracts';
import { hkdf, hpkeSeal, kemKeyPair, randomBytes, sha256 } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { parseStatement, signStatement, type StatementOf } from '@dta/identity';
import { makeCall } from '@dta/internal-call';
import { openNode, type Database, type Node, type RunningRole } from '@dta/node';
import {
  cast,
  codeOf,
  member,
  PlayedPeers,
  RoleRig,
  type Cast,
  type Member,
  type PlayedReply,
} from '@dta/node/testing';
import { dealStatement, enrolmentStatement, REDEMPTIONS_A_DAY, requestStatement, type PrincipalVerb } from '@dta/order';
import { known, type Parties } from '@dta/order/testing';
import { startPrincipal, type PrincipalOptions } from '../src/index.js';
import { OrderRepository } from '../src/order.repository.js';
import { asked } from './asked.js';

let rig: RoleRig;
let members: Cast;
/** another beneficiary, admitted too */
let other: Member;
let options: PrincipalOptions;
let peers: PlayedPeers;
let running: RunningRole;
let database: Database;
/** as a replica of the principal has them */
let orders: OrderRepository;
let replica: Node;

beforeAll(async () => {
  rig = await RoleRig.open();
  members = await cast();
  other = await member('B2', 'beneficiary');
  const { p, b, f1, f2 } = members;
  const common = await rig.prepare(p, 'principal', [b.identity, other.identity, f1.identity, f2.identity]);
  options = { ...common, beneficiary: b.identity.cid, fiduciarySet: [f1.identity.cid, f2.identity.cid] };
  peers = await PlayedPeers.serve(rig, members);
  peers.tamper = misbehave;
  running = await rig.start(startPrincipal, options);
  database = await rig.intrude(options);
  replica = await openNode(options, rig.parts());
  orders = new OrderRepository(replica);
});

afterAll(async () => {
  await replica.close();
  await rig.close();
});

type Calls = 'principal.place-order' | 'principal.redeem-order' | 'principal.await-order' | 'principal.get-order';

const call = <V extends Calls>(name: V, params: ParamsOf<V>) => rig.call(options, members.p, name, params);

const place = (said: Partial<ParamsOf<'principal.place-order'>> = {}) => call('principal.place-order', asked(said));
const ended = (orderReference: Cid): Promise<OrderProgress> =>
  call('principal.await-order', { orderReference, until: 'committed', waitMs: 60_000 });

/** Verbs at which somebody answers nothing good for as long as the order lives, by the name of the order's case. */
const silent: Readonly<Record<string, readonly ['b' | 'f2', PrincipalVerb]>> = {
  'silent at enrol': ['b', 'enrol'],
  'silent at accept': ['f2', 'accept'],
  'silent at deal': ['f2', 'deal'],
  'silent at confirm': ['f2', 'confirm'],
};

/** The order of a fiduciary whose operator has not admitted its principal. */
const NOT_ADMITTED = 'not admitted';

describe('t−1 fiduciaries', () => {
  let setupBy: number;
  const placed = new Map<string, Cid>();

  beforeAll(async () => {
    setupBy = Date.now() + 15_000;
    const names = [...Object.keys(silent), 'wrong share', NOT_ADMITTED];
    await Promise.all(
      names.map(async (name) => placed.set(name, (await place({ setupBy, extension: { name } })).orderReference)),
    );
  });

  test.each(Object.entries(silent))('%s: the order failed at setupBy, and names who owes', async (name, [who]) => {
    const orderReference = known(placed.get(name));
    const view = await ended(orderReference);
    expect(Date.now()).toBeGreaterThan(setupBy);
    expect(view).toMatchObject({ state: 'failed', commitment: null });
    expect(view.failure).toEqual({
      reason: 'setup_expired',
      owing: [{ party: members[who].identity.cid, lastError: 'service_unavailable', detail: null }],
    });
    const [kept] = await database.query<{ kept: number }>(
      `SELECT count(*)::integer AS kept FROM deliveries WHERE order_ref = $1
       AND (attachments IS NOT NULL OR answer_attachments IS NOT NULL OR answer_envelopes IS NOT NULL)`,
      [orderReference],
    );
    expect(kept).toEqual({ kept: 0 });
  });

  test('whose operator has not admitted the principal: the order says whose list lacks whom, as it waits and after', async () => {
    const [orderReference, f2] = [known(placed.get(NOT_ADMITTED)), members.f2.identity.cid];
    const lastError = 'identity_not_admitted';
    const detail = `the admission list of ${f2} lacks ${members.p.identity.cid}`;
    const { failure } = await ended(orderReference);
    expect(failure?.owing).toEqual([{ party: f2, lastError, detail }]);
    const view = await call('principal.get-order', { orderReference });
    expect(view.fiduciaries[1]).toEqual({ idDocumentCID: f2, state: 'asked', lastError, detail });
    const logged = rig.logged.map((line) => JSON.parse(line) as Record<string, unknown>); // every line is one
    expect(logged).toContainEqual(
      expect.objectContaining({ msg: 'a delivery is still owed', orderReference, party: f2, code: lastError, detail }),
    );
  });

  test('who deals or releases a wrong share: it makes no key; the member that refused it owes, with its reason', async () => {
    const { state, commitment, failure } = await ended(known(placed.get('wrong share')));
    expect([state, commitment]).toEqual(['failed', null]);
    expect(failure?.owing).toContainEqual({ party: members.f1.identity.cid, lastError: 'deal_invalid', detail: null });
  });
});

/** What is done to answers of orders whose extension has a name. */
async function misbehave(reply: PlayedReply, verb: PrincipalVerb, order: Parties): Promise<PlayedReply> {
  const name = String(order.statementsOf(requestStatement)[0]?.body.extension['name']);
  const [who, at] = silent[name] ?? [];
  if (who !== undefined && reply.by === members[who] && verb === at) throw new DtaError('service_unavailable', 'away');
  if (name === NOT_ADMITTED && verb === 'accept' && reply.by === members.f2) {
    const metadata = { list: members.f2.identity.cid, identity: members.p.identity.cid };
    throw new DtaError('identity_not_admitted', 'as a fiduciary says it', { metadata });
  }
  return name === 'wrong share' && verb === 'deal' && reply.by === members.f2 ? wrongShare(reply, order) : reply;
}

/** F2's Deal with another share for F1, well sealed and signed: the test knows the key that F1 made for F2. */
async function wrongShare(reply: PlayedReply, order: Parties): Promise<PlayedReply> {
  const { body } = known(reply.statements[0]) as StatementOf<typeof dealStatement>; // by its verb
  const epochSeed = order.fiduciary(1).secret('epoch-seed').value;
  const { publicKey } = await kemKeyPair(hkdf(epochSeed, concat(ascii('DTA-KEY1'), u32(2)), 32));
  const info = concat(ascii('DTA-SHARE1'), cidToBytes(order.order.ref), u32(0), u32(2), u32(1));
  const wrong = await hpkeSeal(publicKey, info, randomBytes(32).fill(1, 0, 1));
  const shares = body.shares.map(([index, hash]): (typeof body.shares)[number] =>
    index === 1 ? [1, sha256(wrong)] : [index, hash],
  );
  const said = await signStatement(dealStatement, { ...body, shares }, [reply.by.key]);
  return { ...reply, statements: [said], attachments: [wrong, known(reply.attachments[1])] };
}

describe("who writes a principal's database but not its keys", () => {
  test('replaces an Enrolment by one of another beneficiary: no key is ever made of it', async () => {
    const { orderReference } = await place({ setupBy: Date.now() + 15_000, extension: { name: 'silent at accept' } });
    const enrolled = async () => (await call('principal.get-order', { orderReference })).state === 'enrolled';
    while (!(await enrolled())) await new Promise((resolve) => setTimeout(resolve, 20));
    await running.stop();
    const honest = known(peers.order(orderReference).beneficiary.order).enrolment;
    const [row] = await database.query<{ bytes: Buffer }>('SELECT bytes FROM statements WHERE cid = $1', [honest]);
    const { body } = parseStatement([enrolmentStatement], new Uint8Array(known(row).bytes));
    const forged = await signStatement(enrolmentStatement, { ...body, issuer: other.identity.cid }, [other.key]);
    await database.query('UPDATE statements SET cid = $2, bytes = $3 WHERE cid = $1', [
      honest,
      forged.cid,
      Buffer.from(forged.bytes),
    ]);
    await database.query('UPDATE deliveries SET answer = $2 WHERE answer = $1', [honest, forged.cid]);
    running = await rig.start(startPrincipal, options);
    const { state, commitment } = await ended(orderReference);
    expect([state, commitment]).toEqual(['failed', null]);
  });

  test('alters a statement: the order is interrupted, and no other is', async () => {
    const { orderReference } = await place({ extension: { name: 'silent at accept' } });
    const enrolled = async () => (await call('principal.get-order', { orderReference })).state === 'enrolled';
    while (!(await enrolled())) await new Promise((resolve) => setTimeout(resolve, 20));
    await running.stop();
    const { enrolment } = known(peers.order(orderReference).beneficiary.order);
    await database.query(
      'UPDATE statements SET bytes = set_byte(bytes, length(bytes) - 1, get_byte(bytes, length(bytes) - 1) # 1) WHERE cid = $1',
      [enrolment],
    );
    running = await rig.start(startPrincipal, options);
    const whole = await place();
    expect((await ended(whole.orderReference)).state).toBe('committed');
    const interrupted = () => rig.logged.some((line) => line.includes('driving an order was interrupted'));
    for (let at = 0; !interrupted() && at < 500; at++) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(interrupted()).toBe(true);
    expect((await call('principal.get-order', { orderReference })).state).toBe('enrolled');
    await database.query(`UPDATE deliveries SET state = 'closed' WHERE order_ref = $1`, [orderReference]);
  });
});

describe('who replays', () => {
  const orders = async () =>
    known((await database.query<{ orders: number }>('SELECT count(*)::integer AS orders FROM orders'))[0]).orders;

  test('a call of the gateway makes no second order', async () => {
    const before = await orders();
    const subject = internalSubject(members.p.identity.cid, 'principal', 'place-order');
    const { bytes, readReply } = makeCall(
      'principal.place-order',
      { psk: options.psks[0], subject, gateway: 'test', now: Date.now() },
      { caller: { token: null }, requestId: 'test', traceparent: null, params: asked() },
    );
    const send = async () => readReply(await rig.transport.request(subject, bytes, { timeoutMs: 5_000 }));
    const codes = await Promise.all(Array.from({ length: 5 }, () => codeOf(send())));
    expect(codes.sort()).toEqual(['answered', ...Array.from({ length: 4 }, () => 'replayed')]);
    expect(await orders()).toBe(before + 1);
  });

  test('a request with its Idempotency-Key gets the order that it made, also at once; another with that key a conflict', async () => {
    const before = await orders();
    const idempotencyKey = 'once';
    const views = await Promise.all(Array.from({ length: 5 }, () => place({ idempotencyKey })));
    expect(new Set(views.map(({ orderReference }) => orderReference)).size).toBe(1);
    expect(await orders()).toBe(before + 1);
    expect(await codeOf(place({ idempotencyKey, threshold: 1, single: true }))).toBe('idempotency_conflict');
  });

  test('a redemption with its Idempotency-Key, after the first expired: the order is redeemed once more', async () => {
    const [{ orderReference }, other] = [await place(), await place()];
    await ended(orderReference);
    await ended(other.orderReference);
    const redeem = (ref = orderReference) =>
      call('principal.redeem-order', {
        orderReference: ref,
        beneficiary: null,
        extension: {},
        idempotencyKey: 'redeemed',
        waitMs: 0,
      });
    const released = () => call('principal.await-order', { orderReference, until: 'released', waitMs: 60_000 });
    await redeem();
    expect((await released()).state).toBe('released');
    expect(await codeOf(redeem(other.orderReference))).toBe('idempotency_conflict');
    await expire(orderReference);
    await redeem();
    expect((await released()).state).toBe('released');
    const { timeline } = await call('principal.get-order', { orderReference });
    expect(timeline.filter(({ event }) => event === 'releasing')).toHaveLength(2);
  });
});

test('once half of the Redemptions of a day are used, another is begun only if all whom it takes are there', async () => {
  const { orderReference } = await place();
  await ended(orderReference);
  const redeem = () =>
    call('principal.redeem-order', {
      ...{ orderReference, beneficiary: null, extension: {}, idempotencyKey: null, waitMs: 0 },
    });
  const redeemed = async () => {
    await redeem();
    const { state } = await call('principal.await-order', { orderReference, until: 'released', waitMs: 60_000 });
    expect(state).toBe('released');
    await expire(orderReference);
  };
  const { b, f1 } = members;
  peers.away.add(b.identity.cid);
  for (let at = 0; at < REDEMPTIONS_A_DAY / 2; at += 1) await redeemed();
  const demands = () =>
    database.query("SELECT FROM deliveries WHERE order_ref = $1 AND verb = 'release'", [orderReference]);
  const before = (await demands()).length;
  expect(await codeOf(redeem())).toBe('service_unavailable');
  peers.away.clear();
  peers.away.add(f1.identity.cid);
  expect(await codeOf(redeem())).toBe('fiduciaries_insufficient');
  expect(await demands()).toHaveLength(before); // nobody was asked for another
  peers.away.clear();
  await redeemed();
});

/** Puts an order where it stands once its Redemption has expired without a Receipt. */
async function expire(orderReference: Cid): Promise<void> {
  const { order, version } = known(await orders.find(orderReference));
  const { record, mac, dueAt } = orders.row(
    { ...order, state: 'committed', redemption: null, redemptionExpiresAt: null },
    version,
  );
  await database.query(
    "UPDATE orders SET version = version + 1, state = 'committed', record = $2, mac = $3, due_at = $4 WHERE ref = $1",
    [orderReference, Buffer.from(record), Buffer.from(mac), dueAt],
  );
  await database.query(`UPDATE deliveries SET state = 'closed' WHERE order_ref = $1 AND state = 'owed'`, [
    orderReference,
  ]);
}

test('P alone: an order of parties that it did not admit is not even signed', async () => {
  const stranger = await member('X', 'fiduciary');
  const { f1, p } = members;
  expect(await codeOf(place({ fiduciaries: [f1.identity.cid, stranger.identity.cid] }))).toBe('identity_not_admitted');
  expect(await codeOf(place({ beneficiary: stranger.identity.cid }))).toBe('identity_not_admitted');
  expect(await codeOf(place({ beneficiary: p.identity.cid }))).toBe('terms_invalid');
  expect(await codeOf(place({ plugin: 'other' }))).toBe('plugin_unknown');
});
