import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { cidOf, type Cid } from '@dta/codec';
import { randomBytes } from '@dta/crypto';
import { freshDatabase, type FreshDatabase } from '@dta/testkit';
import { randomUUID } from 'node:crypto';
import {
  deliveriesOf,
  dropLease,
  migrateDatabase,
  openDatabase,
  takeLease,
  undriven,
  type Database,
} from '../src/index.js';

let fresh: FreshDatabase;
let database: Database;

beforeAll(async () => {
  fresh = await freshDatabase();
  await migrateDatabase({ url: fresh.url, poolSize: 1 });
  database = await openDatabase({ url: fresh.url, poolSize: 2 });
});

afterAll(async () => {
  await database.close();
  await fresh.drop();
});

beforeEach(async () => {
  for (const table of ['deliveries', 'leases', 'envelopes', 'orders']) await database.query(`DELETE FROM ${table}`);
});

const anyCid = () => cidOf(randomBytes(16));

/** An order that owes one delivery; it is due in `dueInS`. */
async function owing(dueInS = 0, verb = 'accept'): Promise<Cid> {
  const [ref, envelope] = [anyCid(), anyCid()];
  await database.query(
    `INSERT INTO orders (ref, version, state, created_at, record, mac) VALUES ($1, 1, 'some', 1, '', '')`,
    [ref],
  );
  await database.query(`INSERT INTO envelopes (cid, order_ref, bytes, log) VALUES ($1, $2, '', true)`, [envelope, ref]);
  await database.query(
    `INSERT INTO deliveries (order_ref, envelope, verb, party, role, next_attempt_at)
     VALUES ($1, $2, $4, 'some', 'fiduciary', now() + make_interval(secs => $3::float))`,
    [ref, envelope, dueInS, verb],
  );
  return ref;
}

describe('a lease', () => {
  test('is one holder’s, who may renew it, until it is given back or runs out by the database’s clock', async () => {
    const [order, one, other] = [anyCid(), randomUUID(), randomUUID()];
    expect(await takeLease(database, order, one)).toBe(true);
    expect(await takeLease(database, order, one)).toBe(true);
    expect(await takeLease(database, order, other)).toBe(false);
    await dropLease(database, order, other);
    expect(await takeLease(database, order, other)).toBe(false); // only who holds it gives it back
    await dropLease(database, order, one);
    expect(await takeLease(database, order, other)).toBe(true);
    await database.query(`UPDATE leases SET until = now() - interval '1 ms' WHERE order_ref = $1`, [order]);
    expect(await takeLease(database, order, one)).toBe(true);
  });

  test('that was taken while the clock was a year ahead is none, once it is right', async () => {
    const [order, one, other] = [await owing(), randomUUID(), randomUUID()];
    expect(await takeLease(database, order, one)).toBe(true);
    expect(await undriven(database, 10, [])).toEqual([]);
    await database.query(`UPDATE leases SET until = until + interval '1 year'`);
    expect(await undriven(database, 10, [])).toEqual([order]); // its holder may be gone
    expect(await takeLease(database, order, other)).toBe(true);
    expect(await takeLease(database, order, one)).toBe(false);
  });

  test('is one holder’s, however many ask at once', async () => {
    const order = anyCid();
    const taken = await Promise.all(Array.from({ length: 10 }, () => takeLease(database, order, randomUUID())));
    expect(taken.filter(Boolean)).toHaveLength(1);
  });
});

describe('what nobody drives', () => {
  test('owes a delivery that is due, and is in nobody’s lease', async () => {
    const [due, , held] = [await owing(), await owing(60), await owing()];
    await takeLease(database, held, randomUUID());
    expect(await undriven(database, 10, [])).toEqual([due]);
  });

  test('is what waits for longer than any message may: the clock was ahead as that was written', async () => {
    const [ref, waiting] = [await owing(365 * 24 * 60 * 60), await owing(590)];
    expect(await undriven(database, 10, [])).toEqual([ref]);
    expect((await deliveriesOf(database, ref)).map(({ dueInMs }) => dueInMs)).toEqual([0]);
    const [later] = await deliveriesOf(database, waiting);
    expect(later?.dueInMs).toBeGreaterThan(0);
  });

  test('waits in a state that somebody must answer in, and all have: its last driver died before the next step', async () => {
    const [answered, , held] = [await owing(), await owing(60), await owing()];
    await database.query(`UPDATE deliveries SET state = 'answered' WHERE order_ref = ANY ($1)`, [[answered, held]]);
    await takeLease(database, held, randomUUID());
    expect(await undriven(database, 10, ['other', 'some'])).toEqual([answered]);
    expect(await undriven(database, 10, ['other'])).toEqual([]);
  });

  test('is found though something is owed that no step waits for', async () => {
    const [answered, waiting] = [await owing(60, 'manifest'), await owing(60, 'confirm')];
    expect(await undriven(database, 10, ['some'])).toEqual([answered]);
    expect(waiting).not.toBe(answered);
  });

  test('is not what goes after another message that is still owed, until it was tried once', async () => {
    const ref = await owing(60, 'release'); // its member's turn comes later
    await database.query(
      `INSERT INTO deliveries (order_ref, envelope, verb, party, role, next_attempt_at)
       SELECT order_ref, envelope, 'redeem', 'some', 'beneficiary', now() FROM deliveries`,
    );
    expect(await undriven(database, 10, [])).toEqual([]);
    await database.query(`UPDATE deliveries SET last_error = 'some' WHERE verb = 'redeem'`);
    expect(await undriven(database, 10, [])).toEqual([ref]);
    await database.query(`UPDATE deliveries SET last_error = NULL WHERE verb = 'redeem'`);
    await database.query(`UPDATE deliveries SET state = 'answered' WHERE verb = 'release'`);
    expect(await undriven(database, 10, [])).toEqual([ref]);
  });

  test('is four times of five such as a step waits for, however many others there are, and they', async () => {
    const others = await Promise.all(Array.from({ length: 40 }, () => owing(0, 'receipt')));
    const awaited = await owing(0, 'release');
    const first = async () => (await undriven(database, 1, []))[0];
    const drawn = await Promise.all(Array.from({ length: 100 }, first));
    expect(drawn.filter((ref) => ref === awaited).length).toBeGreaterThan(60); // of 87 on average; 2 if left to chance
    expect(drawn.filter((ref) => ref !== undefined && others.includes(ref)).length).toBeGreaterThan(0);
    await Promise.all(Array.from({ length: 40 }, () => owing(0, 'accept')));
    const found = await undriven(database, 15, []);
    const unawaited = found.filter((ref) => others.includes(ref)).length;
    expect(found).toHaveLength(15);
    expect(unawaited).toBeGreaterThanOrEqual(2);
    expect(unawaited).toBeLessThanOrEqual(4);
  });

  test('has its turn, though others that nobody can drive are always due', async () => {
    const orders = [await owing(), await owing(), await owing()];
    const found = new Set<Cid>();
    for (let at = 0; at < 200 && found.size < orders.length; at++)
      for (const ref of await undriven(database, 1, [])) found.add(ref);
    expect([...found].sort()).toEqual(orders.sort());
  });
});
