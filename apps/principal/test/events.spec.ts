import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { cidOf, type Cid } from '@dta/codec';
import type { ParamsOf, ResultOf } from '@dta/contracts';
import { randomBytes } from '@dta/crypto';
import type { Database, RunningRole } from '@dta/node';
import { cast, codeOf, PlayedPeers, RoleRig, type Cast } from '@dta/node/testing';
import { known } from '@dta/order/testing';
import { startPrincipal, type PrincipalOptions } from '../src/index.js';
import { asked } from './asked.js';

let rig: RoleRig;
let members: Cast;
let options: PrincipalOptions;
let database: Database;
let replica: RunningRole;

/** The first replica answers; the second drives nothing that the first has begun. */
beforeAll(async () => {
  rig = await RoleRig.open();
  members = await cast();
  const { p, b, f1, f2 } = members;
  const common = await rig.prepare(p, 'principal', [b.identity, f1.identity, f2.identity]);
  options = { ...common, beneficiary: b.identity.cid, fiduciarySet: [f1.identity.cid, f2.identity.cid] };
  await PlayedPeers.serve(rig, members);
  database = await rig.intrude(options);
  await rig.start(startPrincipal, options);
  replica = await rig.start(startPrincipal, options);
});

afterAll(() => rig.close());

type Calls = 'principal.place-order' | 'principal.redeem-order' | 'principal.await-order' | 'principal.await-events';
const call = <V extends Calls>(name: V, params: ParamsOf<V>) => rig.call(options, members.p, name, params);

const place = async () => (await call('principal.place-order', asked())).orderReference;

const redeem = (orderReference: Cid) =>
  call('principal.redeem-order', {
    ...{ orderReference, beneficiary: null, extension: {}, idempotencyKey: null, waitMs: 0 },
  });

const events = (orderReference: Cid, after = 0, waitMs = 30_000): Promise<ResultOf<'principal.await-events'>> =>
  call('principal.await-events', { orderReference, after, waitMs });

/** All events from one on, as a client that asks again and again gathers them, until one is `last`. */
async function follow(ref: Cid, last: string, after = 0): Promise<{ id: number; event: string }[]> {
  const seen: { id: number; event: string }[] = [];
  while (seen.at(-1)?.event !== last) seen.push(...(await events(ref, seen.at(-1)?.id ?? after)).events);
  return seen;
}

test('come as the order goes, from the first on, each once, and end with it', async () => {
  const ref = await place();
  const set = await follow(ref, 'committed');
  expect(set.map(({ event }) => event)).toEqual(['requested', 'enrolled', 'dealing', 'committed']);
  const ids = set.map(({ id }) => id);
  expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
  const committed = known(set.at(-1));
  expect(await events(ref, committed.id, 0)).toEqual({ events: [], ended: false });

  const released = follow(ref, 'released', committed.id); // waits before there is anything
  await redeem(ref);
  expect((await released).map(({ event }) => event)).toEqual(['releasing', 'released']);
  expect(await events(ref, known((await released).at(-1)).id)).toEqual({ events: [], ended: true }); // at once
  const all = await events(ref);
  expect(all.events.map(({ event }) => event)).toEqual([
    ...['requested', 'enrolled', 'dealing', 'committed', 'releasing', 'released'],
  ]);
  expect(all.ended).toBe(true);
});

test('come by LISTEN, whichever replica made them, long before anybody would look', async () => {
  const ref = await place();
  let { id: after } = known((await follow(ref, 'committed')).at(-1));
  const took: number[] = [];
  const isFast = (ms: number) => ms < 2_500; // it looks every 5 s
  for (let at = 0; at < 9; at += 1) {
    const waiting = events(ref, after);
    await new Promise((resolve) => setTimeout(resolve, 100)); // one of the two replicas waits by now
    const begun = performance.now();
    await database.query('INSERT INTO events (order_ref, at, kind) VALUES ($1, 1, $2)', [ref, `test-${at}`]);
    await database.query("SELECT pg_notify('order_changed', $1)", [`${ref} 99 committed`]);
    const { events: came } = await waiting;
    expect(came).toMatchObject([{ event: `test-${at}` }]);
    took.push(performance.now() - begun);
    after = known(came[0]).id;
  }
  expect(took.filter(isFast).length).toBeGreaterThanOrEqual(8); // a machine may sleep through one
});

test('come without LISTEN too, when somebody looks', async () => {
  const ref = await place();
  const { id } = known((await follow(ref, 'committed')).at(-1));
  const waiting = events(ref, id);
  await new Promise((resolve) => setTimeout(resolve, 300)); // it has looked once by now
  await database.query('INSERT INTO events (order_ref, at, kind) VALUES ($1, 1, $2)', [ref, 'silent']);
  expect((await waiting).events).toMatchObject([{ event: 'silent' }]);
});

test('come in pages, and the last page says that it is', async () => {
  const ref = await place();
  await follow(ref, 'committed');
  await redeem(ref);
  const { id } = known((await follow(ref, 'released')).at(-1));
  await database.query("INSERT INTO events (order_ref, at, kind) SELECT $1, 1, 'more' FROM generate_series(1, 150)", [
    ref,
  ]);
  const first = await events(ref, id);
  expect([first.events.length, first.ended]).toEqual([100, false]);
  const second = await events(ref, known(first.events.at(-1)).id);
  expect([second.events.length, second.ended]).toEqual([50, true]);
});

test('are of one order alone, of one that is there, and for the caller of this node', async () => {
  const unknown = cidOf(randomBytes(9));
  expect(await codeOf(events(unknown))).toBe('order_not_found');
  const ref = await place();
  const stranger = { psk: randomBytes(32) };
  const params = { orderReference: ref, after: 0, waitMs: 0 };
  expect(await codeOf(rig.call(options, members.p, 'principal.await-events', params, stranger))).toBe(
    'unauthenticated',
  );
});

test('are no longer waited for at a replica that stops', async () => {
  const ref = await place();
  const { id } = known((await follow(ref, 'committed')).at(-1));
  const WAITS = 40;
  const waiting = Array.from({ length: WAITS }, () => events(ref, id, 20_000)); // some of them at this one
  await new Promise((resolve) => setTimeout(resolve, 300));
  const begun = performance.now();
  await replica.stop();
  expect(performance.now() - begun).toBeLessThan(10_000);
  await database.query('INSERT INTO events (order_ref, at, kind) VALUES ($1, 1, $2)', [ref, 'last']);
  const found = await Promise.all(waiting);
  expect(found.map(({ ended }) => ended)).toEqual(Array(WAITS).fill(false));
  expect(found.some(({ events: came }) => came.length === 0)).toBe(true); // told to ask again
});
