import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Cid } from '@dta/codec';
import type { ParamsOf, ResultOf } from '@dta/contracts';
import { cast, PlayedPeers, RoleRig, type Cast } from '@dta/node/testing';
import { startPrincipal, type PrincipalOptions } from '../src/index.js';
import { asked } from './asked.js';

type Query = ParamsOf<'principal.list-orders'>;
type Page = ResultOf<'principal.list-orders'>;

let rig: RoleRig;
let members: Cast;
let options: PrincipalOptions;
/** ms that the principal's clock is ahead of ours */
let ahead = 0;

beforeAll(async () => {
  rig = await RoleRig.open();
  members = await cast();
  const { p, b, f1, f2 } = members;
  const common = await rig.prepare(p, 'principal', [b.identity, f1.identity, f2.identity]);
  options = { ...common, beneficiary: b.identity.cid, fiduciarySet: [f1.identity.cid, f2.identity.cid] };
  await PlayedPeers.serve(rig, members);
  await rig.start(startPrincipal, options, () => Date.now() + ahead);
});

afterAll(() => rig.close());

/** Settles when the order is committed: what a list shows of it stays. */
async function place(): Promise<Cid> {
  const { orderReference } = await rig.call(options, members.p, 'principal.place-order', asked());
  const params = { orderReference, until: 'committed' as const, waitMs: 60_000 };
  expect(await rig.call(options, members.p, 'principal.await-order', params)).toMatchObject({ state: 'committed' });
  return orderReference;
}

/** At once: of some the time is the same, and the reference decides. */
const placeAll = (count: number) => Promise.all(Array.from({ length: count }, place));

const list = (changes: Partial<Query> = {}): Promise<Page> =>
  rig.call(options, members.p, 'principal.list-orders', {
    ...{ after: null, page: 0, perPage: 2, sortBy: 'dateCreatedDsc', state: null, beneficiary: null },
    ...changes,
  });

/** Every page from the first to the end; `between` happens after each. */
async function walk(query: Partial<Query>, between: () => Promise<unknown> = async () => undefined): Promise<Cid[][]> {
  const pages: Cid[][] = [];
  for (let after: Page['next'] = null; ;) {
    const { orders, next } = await list({ ...query, after });
    pages.push(orders.map(({ orderReference }) => orderReference));
    if (next === null) return pages;
    after = next;
    await between();
  }
}

const all = async (query: Partial<Query> = {}) => (await walk({ ...query, perPage: 1_000 })).flat();

test('a walk newest first shows each order once while others come in, where pages show some again', async () => {
  await placeAll(5);
  const before = await all();
  expect(before).toHaveLength(5);
  expect((await walk({}, place)).flat()).toEqual(before);
  const { orders: first } = await list();
  await place();
  const { orders: second } = await list({ page: 1 });
  expect(second[0]).toEqual(first[1]); // which is what the cursor is for
});

test('a walk oldest first shows each once, and at its end those that came in', async () => {
  const before = await all({ sortBy: 'dateCreatedAsc' });
  expect(before).toEqual((await all()).reverse());
  const added: Cid[] = [];
  const seen = await walk({ sortBy: 'dateCreatedAsc', perPage: 3 }, async () => {
    if (added.length < 2) added.push(await place());
  });
  expect(seen.flat()).toEqual([...before, ...added]);
});

test('a walk keeps to its filters, and ends with the last that fits', async () => {
  const committed = await all({ state: 'committed' });
  expect(committed).toEqual(await all());
  expect(await walk({ state: 'committed', perPage: committed.length })).toEqual([committed]);
  expect(await walk({ state: 'failed' })).toEqual([[]]);
  expect((await walk({ beneficiary: members.b.identity.cid })).flat()).toEqual(committed);
  expect(await walk({ beneficiary: members.f1.identity.cid })).toEqual([[]]);
});

test('a page counts from where the cursor stands', async () => {
  const orders = await all();
  const { next } = await list();
  const skipped = await list({ after: next, page: 1 });
  expect(skipped.orders.map(({ orderReference }) => orderReference)).toEqual(orders.slice(4, 6));
  expect(skipped.total).toBe(orders.length);
});

test('one that begins five minutes before shows what a replica with a slow clock has placed since', async () => {
  const oldestFirst = { sortBy: 'dateCreatedAsc', perPage: 1_000 } as const;
  ahead = 100_000; // a replica's clock and its database's may differ by 120 s, either way
  const fast = await place();
  const { orders } = await list(oldestFirst);
  const { createdAt = 0 } = orders.at(-1) ?? {};
  expect(orders.at(-1)?.orderReference).toBe(fast);
  ahead = -100_000;
  const slow = await place();
  ahead = 0;
  const beyond = async (after: Page['next']) =>
    (await list({ ...oldestFirst, after })).orders.map(({ orderReference }) => orderReference);
  expect(await beyond({ createdAt, ref: fast })).toEqual([]); // which is why docs/api.md says so
  expect(await beyond({ createdAt: createdAt - 300_000, ref: fast })).toEqual(expect.arrayContaining([slow, fast]));
});
