import { expect, test } from '@jest/globals';
import { cidOf, u32, type Cid } from '@dta/codec';
import { LEASE_MS, ORDERS_DRIVEN_MAX } from '@dta/contracts';
import { DriveQueue } from '../src/drive-queue.js';
import { toDtaError, type DtaError } from '@dta/errors';
import type { OpenOrder } from '../src/open-order.js';

const ref = (at: number): Cid => cidOf(u32(at));
const written = (state: 'requested' | 'releasing') => ({ order: { state } }) as OpenOrder; // a queue looks at no more
const any = () => true;

/** References in the order in which they come out. */
function drain(queue: DriveQueue, resumedFirst: boolean): Cid[] {
  const out: Cid[] = [];
  for (let next = queue.next(any, resumedFirst); next !== undefined; next = queue.next(any, resumedFirst))
    out.push(next.ref);
  return out;
}

function mixed(): DriveQueue {
  const queue = new DriveQueue();
  queue.add(ref(1), written('requested'));
  queue.add(ref(2), null);
  queue.add(ref(3), written('releasing'));
  queue.add(ref(4), written('requested'));
  return queue;
}

test('what was left off comes first, then redemptions, then new orders, each in the order in which they came', () => {
  expect(drain(mixed(), true)).toEqual([2, 3, 1, 4].map(ref));
});

test('what was left off waits for the others once it holds as many places as it may', () => {
  expect(drain(mixed(), false)).toEqual([3, 1, 4, 2].map(ref));
});

test('an order that a resumer finds while it waits keeps its turn', () => {
  const queue = mixed();
  queue.add(ref(4), null);
  queue.add(ref(3), null);
  expect(queue.size).toBe(4);
  expect(drain(queue, true)).toEqual([2, 3, 1, 4].map(ref));
});

test('one that may not begin yet is passed over, and not lost', () => {
  const queue = mixed();
  expect(queue.next((one) => one !== ref(2), true)?.ref).toBe(ref(3));
  expect(drain(queue, true)).toEqual([2, 1, 4].map(ref));
});

test('an order that waited for half of a lease is read again', () => {
  const queue = new DriveQueue();
  const now = performance.now.bind(performance);
  queue.add(ref(1), written('requested'));
  queue.add(ref(2), written('requested'));
  expect(queue.next(any, true)?.open).not.toBeNull();
  try {
    performance.now = () => now() + LEASE_MS / 2;
    expect(queue.next(any, true)).toEqual({ ref: ref(2), open: null, isResumed: false });
  } finally {
    performance.now = now;
  }
});

/** What a caller that waits for `waitMs` is refused for, or null. */
function refused(queue: DriveQueue, what: 'order' | 'redemption', waitMs: number): DtaError | null {
  try {
    queue.assertTurn(what, waitMs);
    return null;
  } catch (error) {
    return toDtaError(error);
  }
}

test('a caller whose order would begin after a quarter of its wait is refused, and told when to come back', () => {
  const queue = new DriveQueue();
  for (let turns = 0; turns < 200; turns++) queue.ended(1_000);
  for (let at = 0; at < 5 * ORDERS_DRIVEN_MAX; at++) queue.add(ref(at), written('requested')); // 5 s, by 16 a second
  expect(refused(queue, 'order', 21_000)).toBeNull();
  expect(refused(queue, 'order', 0)).toBeNull(); // it comes back for it
  expect(refused(queue, 'redemption', 1_000)).toBeNull(); // it goes before
  const retryAfterMs = (waitMs: number) => refused(queue, 'order', waitMs)?.metadata['retryAfterMs'];
  expect(refused(queue, 'order', 8_000)).toMatchObject({ code: 'busy', metadata: { everyMs: 63 } }); // 16 a second
  expect(Math.abs(Number(retryAfterMs(8_000)) - 4_000)).toBeLessThan(10);
  expect(Math.abs(Number(retryAfterMs(2_000)) - 4_750)).toBeLessThan(10);
});

test('an order is taken to be as long as those before it were of late', () => {
  const queue = new DriveQueue();
  for (let at = 0; at < 2 * ORDERS_DRIVEN_MAX; at++) queue.add(ref(at), written('requested'));
  for (let turns = 0; turns < 200; turns++) queue.ended(20);
  expect(refused(queue, 'order', 1_000)).toBeNull();
  for (let turns = 0; turns < 200; turns++) queue.ended(20_000);
  expect(refused(queue, 'order', 60_000)).toMatchObject({ code: 'busy' });
});
