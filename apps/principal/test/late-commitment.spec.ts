import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Cid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import { Admission, openNode, type Database } from '@dta/node';
import { cast, PlayedPeers, RoleRig, successorOf, type Cast, type Member } from '@dta/node/testing';
import { setTimeout as delay } from 'node:timers/promises';
import { startPrincipal, type PrincipalOptions } from '../src/index.js';
import { readOrder, writeStep } from '../src/open-order.js';
import { OrderRepository } from '../src/order.repository.js';
import { asked } from './asked.js';

// F2 refuses the Commitment, since others have new keys; whoever is to affirm its part is away.

let rig: RoleRig;
let members: Cast;
let options: PrincipalOptions;
let database: Database;
let peers: PlayedPeers;
let running: { stop(): Promise<void> };

beforeEach(async () => {
  rig = await RoleRig.open();
  members = await cast();
  const { p, b, f1, f2 } = members;
  const common = await rig.prepare(p, 'principal', [b.identity, f1.identity, f2.identity]);
  const fiduciarySet = [f1.identity.cid, f2.identity.cid];
  options = { ...common, beneficiary: b.identity.cid, fiduciarySet };
  peers = await PlayedPeers.serve(rig, members);
  peers.tamper = async (reply, verb) => {
    if (verb === 'commit' && reply.by === f2) throw new DtaError('identity_frozen', 'F1 has new keys');
    return reply;
  };
  running = await rig.start(startPrincipal, options);
  database = await rig.intrude(options);
});

afterEach(() => rig.close());

const questions = (ref: string) =>
  database.query<{ party: string; last_error: string | null }>(
    "SELECT party, last_error FROM deliveries WHERE order_ref = $1 AND verb = 'affirm' AND state = 'owed'",
    [ref],
  );

const place = async (threshold: number) => {
  const terms = asked({ threshold, single: threshold === 1 });
  const { orderReference } = await rig.call(options, members.p, 'principal.place-order', terms);
  await reach(orderReference, 'committed');
  return orderReference;
};

const redeem = (orderReference: Cid) =>
  rig.call(options, members.p, 'principal.redeem-order', {
    ...{ orderReference, beneficiary: null, extension: {}, idempotencyKey: null, waitMs: 0 },
  });

async function reach(orderReference: Cid, until: 'committed' | 'released'): Promise<void> {
  const params = { orderReference, until, waitMs: 60_000 };
  expect((await rig.call(options, members.p, 'principal.await-order', params)).state).toBe(until);
}

/** P learns of new keys of a member. */
async function learn(peer: Member): Promise<void> {
  const { bytes } = (await successorOf(peer)).identity;
  await rig.call(options, members.p, 'admit-identity', { documents: [bytes], idDocumentCID: null });
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const limit = Date.now() + 60_000; !(await holds()); await delay(20)) {
    if (Date.now() > limit) throw new Error('what was waited for never came');
  }
}

test('the author is asked once, for as long as it takes, and the order is redeemed meanwhile', async () => {
  const ref = await place(1);
  expect(await questions(ref)).toEqual([]); // P knows of no new keys
  await learn(members.f1);
  const question = { party: members.f1.identity.cid, last_error: 'service_unavailable' };
  await until(async () => (await questions(ref)).some(({ last_error: refused }) => refused !== null));
  expect(await questions(ref)).toEqual([question]);
  await redeem(ref);
  await reach(ref, 'released');
  expect(await questions(ref)).toEqual([question]);
  expect(rig.logged.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
}, 120_000);

test('where P itself can sign nothing more, it still sends what it has signed', async () => {
  let [released, refused] = [0, 0];
  const { tamper } = peers;
  peers.tamper = async (reply, verb, order) => {
    if (verb === 'commit') refused += 1;
    if (verb !== 'release') return tamper(reply, verb, order);
    released += 1;
    throw new DtaError('custody_unavailable', 'not now');
  };
  const ref = await place(2);
  await redeem(ref);
  await learn(members.p);
  await learn(members.p); // two successors: its chain is frozen
  const [releasedBefore, refusedBefore] = [released, refused];
  await until(() => refused > refusedBefore + 1 && released > releasedBefore + 2);
  const errors = rig.logged.filter((line) => /"level":"(error|fatal)"/.test(line));
  const expected = /this node signs nothing new any more|a chain is frozen/;
  expect(errors.filter((line) => !expected.test(line))).toEqual([]);
}, 120_000);

test('a member that is frozen is left out of a redemption, which the others serve', async () => {
  peers.tamper = async (reply) => reply;
  const ref = await place(1);
  for (let successors = 0; successors < 2; successors += 1) await learn(members.f2);
  await redeem(ref);
  await reach(ref, 'released');
  const released = await database.query(
    "SELECT party FROM deliveries WHERE order_ref = $1 AND verb IN ('release', 'receipt') ORDER BY verb",
    [ref],
  );
  expect(released).toEqual(Array(2).fill({ party: members.f1.identity.cid }));
}, 120_000);

test('a party that was frozen as the Commitment was made is owed it, and gets it when it is frozen no more', async () => {
  const { b } = members;
  const first = { ...b };
  Object.assign(b, await successorOf(b)); // before it signs anything: so nothing needs to be affirmed
  const own = b.identity.cid;
  peers.earlier.push(first.identity);
  await rig.call(options, members.p, 'admit-identity', { documents: [b.identity.bytes], idDocumentCID: null });
  let isFrozen = false;
  peers.tamper = async (reply, verb) => {
    if (verb === 'confirm' && !isFrozen) throw new DtaError('custody_unavailable', 'not now');
    return reply;
  };
  const { orderReference: ref } = await rig.call(options, members.p, 'principal.place-order', asked({ threshold: 2 }));
  const noted = "SELECT FROM deliveries WHERE order_ref = $1 AND verb = 'manifest' AND state = 'answered'";
  await until(async () => (await database.query(noted, [ref])).length === 1);
  await learn(first); // a rival of its document
  isFrozen = true;
  await reach(ref, 'committed');
  const commits = () =>
    database.query<{ party: string; state: string; last_error: string | null }>(
      "SELECT party, state, last_error FROM deliveries WHERE order_ref = $1 AND verb = 'commit' AND state <> 'closed' ORDER BY role, party",
      [ref],
    );
  const done = [members.f1, members.f2].map(({ identity }) => ({
    ...{ party: identity.cid, state: 'answered', last_error: null },
  }));
  const waiting = { party: first.identity.cid, state: 'owed', last_error: 'identity_frozen' };
  await until(async () => (await commits()).filter(({ state }) => state === 'answered').length === 2);
  expect(await commits()).toEqual([waiting, ...done.sort((x, y) => (x.party < y.party ? -1 : 1))]);
  await (await Admission.read(database)).follow(own); // as its operator's `dta admin forks` does
  await until(async () => {
    await database.query(`UPDATE deliveries SET next_attempt_at = now() WHERE state = 'owed'`); // not ten minutes later
    return (await commits()).every(({ state }) => state === 'answered');
  });
  expect(peers.order(ref).beneficiary.order?.state).toBe('committed');
}, 120_000);

test('a step that leaves the order where it is keeps the Releases in hand', async () => {
  const { tamper } = peers;
  peers.tamper = async (reply, verb, order) => {
    if (verb === 'release' && reply.by === members.f2) throw new DtaError('custody_unavailable', 'not now');
    return tamper(reply, verb, order);
  };
  const ref = await place(2);
  await redeem(ref);
  const answered = "SELECT FROM deliveries WHERE order_ref = $1 AND verb = 'release' AND state = 'answered'";
  await until(async () => (await database.query(answered, [ref])).length === 1);
  await running.stop();
  const node = await openNode(options, rig.parts());
  try {
    const orders = new OrderRepository(node);
    const open = await readOrder(node, orders, ref);
    const inHand = ({ deliveries }: typeof open) =>
      deliveries.flatMap(({ verb, answered: answer }) => (verb === 'release' ? (answer?.envelopes ?? []) : []));
    expect(inHand(open)).toHaveLength(1);
    const step = { order: open.order, keep: [], outgoing: [], settled: null };
    const after = await writeStep(node, orders, open, step, open.evidence);
    expect(inHand(after)).toEqual(inHand(open));
    expect(after.answers).toEqual(open.answers);
    expect(inHand(await writeStep(node, orders, after, { ...step, settled: 'redemption' }, open.evidence))).toEqual([]);
  } finally {
    await node.close();
  }
}, 120_000);

test('a Commitment that was sent again hides neither how far a fiduciary is nor that its refusal is mended', async () => {
  const { tamper } = peers;
  peers.tamper = async (reply) => reply;
  const ref = await place(2);
  await redeem(ref);
  await reach(ref, 'released');
  await until(async () => (await view()).waitingFor.length === 0);
  const before = (await view()).fiduciaries;
  expect(before.map(({ state, lastError }) => [state, lastError])).toEqual(Array(2).fill(['released', null]));
  // as it is stored where each had refused the first: closed, and the one in its place answered after the Release
  await database.query(
    `INSERT INTO deliveries (envelope, verb, party, order_ref, role, state, last_error)
     SELECT (SELECT envelope FROM deliveries WHERE order_ref = $1 AND verb = 'confirm' LIMIT 1), verb, party, order_ref, role,
       'closed', 'identity_frozen' FROM deliveries WHERE order_ref = $1 AND verb = 'commit' AND role = 'fiduciary'`,
    [ref],
  );
  await database.query(
    `UPDATE deliveries SET envelope = (SELECT envelope FROM deliveries WHERE order_ref = $1 AND verb = 'receipt' LIMIT 1)
     WHERE order_ref = $1 AND verb = 'commit' AND role = 'fiduciary' AND state = 'answered'`,
    [ref],
  );
  expect((await view()).fiduciaries).toEqual(before);
  peers.tamper = tamper;

  function view() {
    return rig.call(options, members.p, 'principal.get-order', { orderReference: ref });
  }
}, 120_000);

test('a Commitment that would be sent in ten minutes is sent at once to who refuses the Redemption for want of it', async () => {
  let [isThere, hasCommitment] = [false, false];
  const { b } = members;
  peers.tamper = async (reply, verb) => {
    if (reply.by !== b) return reply;
    if (verb === 'commit' && !isThere) throw new DtaError('custody_unavailable', 'not now');
    if (verb === 'commit') hasCommitment = true;
    if (verb === 'redeem' && !hasCommitment) throw new DtaError('identity_frozen', 'somebody has new keys');
    return reply;
  };
  const ref = await place(2);
  const refused = "SELECT FROM deliveries WHERE order_ref = $1 AND verb = 'commit' AND state = 'owed' AND attempts > 2";
  await until(async () => (await database.query(refused, [ref])).length === 1);
  await until(async () => (await database.query('SELECT FROM leases WHERE order_ref = $1', [ref])).length === 0);
  await database.query(`UPDATE deliveries SET next_attempt_at = now() + interval '10 minutes' WHERE state = 'owed'`);
  isThere = true;
  await redeem(ref);
  await reach(ref, 'released');
}, 120_000);
