import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { cidOf, type Cid } from '@dta/codec';
import { randomBytes } from '@dta/crypto';
import { keyPeriod, openSoftwareCustody, periodKey, type Custody } from '@dta/custody';
import type { SecretName } from '@dta/order';
import { freshDatabase, isWiped, type FreshDatabase } from '@dta/testkit';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrateDatabase, openDatabase, SecretStore, type Database } from '../src/index.js';
import { refusal } from './refusal.js';

const WEEK = 7 * 24 * 60 * 60_000;
const TEN_MINUTES = 10 * 60_000;
/** the first moment of a key period */
const BEGIN = 2_900 * WEEK;

let folder: string;
let fresh: FreshDatabase;
let database: Database;
let custody: Custody;
let owner: Cid;
let now: number;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-secrets-'));
  fresh = await freshDatabase();
  await migrateDatabase({ url: fresh.url, poolSize: 1 });
  database = await openDatabase({ url: fresh.url, poolSize: 5 });
});

afterAll(async () => {
  await database.close();
  await fresh.drop();
  await rm(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  await database.query('DELETE FROM secrets');
  custody = await openSoftwareCustody({ file: join(folder, anyCid()), warn: () => undefined });
  owner = anyCid();
  now = BEGIN;
});

const anyCid = () => cidOf(randomBytes(16));
const store = () => new SecretStore(database, custody, owner, 'fiduciary', () => now);

/** A sealed row of the node's own, which belongs to no order. */
async function keep(epoch: number, value: Uint8Array): Promise<void> {
  const name: SecretName = { what: 'share', request: null, epoch, transcript: null, index: null };
  const { key, sealed } = await store().seal({ name, value: value.slice() });
  await database.query('INSERT INTO secrets (order_ref, what, epoch, key, sealed) VALUES (NULL, $1, $2, $3, $4)', [
    name.what,
    epoch,
    key,
    Buffer.from(sealed),
  ]);
}

const open = (epoch: number) => store().opener(null)({ what: 'share', epoch, transcript: null, index: null });

test('a seed is custody’s randomness and the system’s, of which no copy is left', async () => {
  const drawn: Uint8Array[] = [];
  const random = async (length: number) => {
    const bytes = randomBytes(length);
    drawn.push(bytes);
    return bytes;
  };
  const seed = await new SecretStore(database, { ...custody, random }, owner, 'fiduciary', () => now).seed();
  expect(seed).toHaveLength(64);
  expect(isWiped(seed.subarray(0, 32)) || isWiped(seed.subarray(32))).toBe(false);
  expect(drawn.map(isWiped)).toEqual([true]);
});

test('a secret that custody does not seal is wiped all the same', async () => {
  const seal = () => Promise.reject(new Error('away'));
  const value = randomBytes(32);
  const name: SecretName = { what: 'share', request: null, epoch: 0, transcript: null, index: null };
  const away = new SecretStore(database, { ...custody, seal }, owner, 'fiduciary', () => now);
  await expect(away.seal({ name, value })).rejects.toThrow('away');
  expect(isWiped(value)).toBe(true);
});
const keysInUse = async () =>
  (await database.query<{ key: string }>('SELECT DISTINCT key FROM secrets ORDER BY key')).map(({ key }) => key);
const period = (at: number) => `fiduciary-${owner.slice(-8)}-${periodKey(keyPeriod(at))}`;

describe('a sealed secret', () => {
  test('opens in its place, and its plaintext is wiped', async () => {
    const value = randomBytes(32);
    const name: SecretName = { what: 'secret', request: null, epoch: 0, transcript: null, index: null };
    const given = value.slice();
    await store().seal({ name, value: given });
    expect(given).toEqual(new Uint8Array(32));
    await keep(1, value);
    expect(await open(1)).toEqual(value);
  });

  test('is not there under another name', async () => {
    await keep(1, randomBytes(32));
    await expect(open(2)).rejects.toThrow(refusal('order_state_conflict'));
    await expect(store().opener(anyCid())({ what: 'share', epoch: 1, transcript: null, index: null })).rejects.toThrow(
      refusal('order_state_conflict'),
    );
  });

  test('does not open elsewhere: another epoch, owner, role', async () => {
    await keep(1, randomBytes(32));
    const place = { what: 'share', epoch: 1, transcript: null, index: null } as const;
    await expect(new SecretStore(database, custody, anyCid(), 'fiduciary').opener(null)(place)).rejects.toThrow(
      refusal('custody_invalid'),
    );
    await expect(new SecretStore(database, custody, owner, 'beneficiary').opener(null)(place)).rejects.toThrow(
      refusal('custody_invalid'),
    );
    await database.query('UPDATE secrets SET epoch = 2');
    await expect(open(2)).rejects.toThrow(refusal('custody_invalid'));
  });

  test('randomness for a step is of custody and of the system, each half its own', async () => {
    const [one, two] = [await store().seed(), await store().seed()];
    expect([one.length, two.length]).toEqual([64, 64]);
    expect(new Set([one, two].flatMap((seed) => [seed.slice(0, 32).join(), seed.slice(32).join()])).size).toBe(4);
  });
});

describe('the end of a key period', () => {
  test('seals what lives anew, and destroys the key: a copy of the row, in a backup, is worthless', async () => {
    const values = Array.from({ length: 250 }, () => randomBytes(32)); // more than one batch
    for (const [at, value] of values.entries()) await keep(at, value);
    const [backup] = await database.query<{ sealed: Buffer }>('SELECT sealed FROM secrets WHERE epoch = 7');
    now = BEGIN + WEEK + TEN_MINUTES;
    expect(await store().endPastPeriods()).toEqual({ destroyed: [period(BEGIN)], kept: [] });
    expect(await custody.keys()).toEqual([period(now)]);
    expect(await keysInUse()).toEqual([period(now)]);
    for (const [at, value] of values.entries()) expect(await open(at)).toEqual(value);
    await database.query('UPDATE secrets SET key = $1, sealed = $2 WHERE epoch = 7', [period(BEGIN), backup?.sealed]);
    await expect(open(7)).rejects.toThrow(refusal('custody_invalid'));
  });

  test('leaves the key that authenticates rows where it is: a backup of an earlier week has rows that can be read', async () => {
    const name = { what: 'record-key', request: null, epoch: 0, transcript: null, index: null } as const;
    const value = randomBytes(64);
    const { key, sealed } = await store().seal({ name, value: value.slice() });
    await database.query('INSERT INTO secrets (order_ref, what, epoch, key, sealed) VALUES (NULL, $1, 0, $2, $3)', [
      name.what,
      key,
      Buffer.from(sealed),
    ]);
    await keep(1, randomBytes(32));
    now = BEGIN + WEEK + TEN_MINUTES;
    expect(await store().endPastPeriods()).toEqual({ destroyed: [period(BEGIN)], kept: [] });
    expect(await keysInUse()).toEqual([period(now), key]);
    expect(await store().opener(null)(name)).toEqual(value);
    await custody.destroy(key); // of this test alone
  });

  test('comes ten minutes after it: what was sealed in its last moment may still be on its way to the database', async () => {
    await keep(1, randomBytes(32));
    for (now of [BEGIN, BEGIN + WEEK - 1, BEGIN + WEEK, BEGIN + WEEK + TEN_MINUTES - 1]) {
      expect(await store().endPastPeriods()).toEqual({ destroyed: [], kept: [] });
    }
    expect(await custody.keys()).toContain(period(BEGIN));
    now = BEGIN + WEEK + TEN_MINUTES;
    expect(await store().endPastPeriods()).toMatchObject({ destroyed: [period(BEGIN)] });
  });

  test('of several periods at once, after a long sleep; keys of other kinds and of replicas ahead stay', async () => {
    await custody.seal('identity', new Uint8Array(), randomBytes(4));
    for (const at of [0, 1, 2, 9]) {
      now = BEGIN + at * WEEK;
      await keep(at, Uint8Array.of(at));
    }
    now = BEGIN + 5 * WEEK;
    const { destroyed } = await store().endPastPeriods();
    expect([...destroyed].sort()).toEqual([0, 1, 2].map((at) => period(BEGIN + at * WEEK)));
    expect(await keysInUse()).toEqual([period(BEGIN + 5 * WEEK), period(BEGIN + 9 * WEEK)]);
    expect(await custody.keys()).toContain('identity');
    for (const at of [0, 1, 2, 9]) expect(await open(at)).toEqual(Uint8Array.of(at));
  });

  test('is put off by a row that does not open, which is said; the others are sealed anew', async () => {
    await keep(1, Uint8Array.of(1));
    await keep(2, Uint8Array.of(2));
    await database.query('UPDATE secrets SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) WHERE epoch = 2');
    await database.query(
      `INSERT INTO secrets SELECT order_ref, what, 3, transcript, index, key, sealed FROM secrets WHERE epoch = 1`,
    );
    now = BEGIN + 2 * WEEK;
    expect(await store().endPastPeriods()).toEqual({ destroyed: [], kept: [period(BEGIN)] });
    expect(await open(1)).toEqual(Uint8Array.of(1));
    expect(await keysInUse()).toEqual([period(BEGIN), period(now)]);
    await database.query('DELETE FROM secrets WHERE epoch IN (2, 3)');
    expect(await store().endPastPeriods()).toEqual({ destroyed: [period(BEGIN)], kept: [] });
    expect(await open(1)).toEqual(Uint8Array.of(1));
  });

  test('at two replicas at once loses nothing', async () => {
    const values = Array.from({ length: 40 }, () => randomBytes(32));
    for (const [at, value] of values.entries()) await keep(at, value);
    now = BEGIN + 2 * WEEK;
    await Promise.all([store().endPastPeriods(), store().endPastPeriods()]);
    for (const [at, value] of values.entries()) expect(await open(at)).toEqual(value);
    expect(await custody.keys()).toEqual([period(now)]);
  });

  test("leaves the keys of others that share the custody: another role of the node's, another node of the role", async () => {
    await keep(1, Uint8Array.of(1));
    const others = [
      new SecretStore(database, custody, owner, 'beneficiary', () => now),
      new SecretStore(database, custody, anyCid(), 'fiduciary', () => now),
    ];
    const name: SecretName = { what: 'share', request: null, epoch: 2, transcript: null, index: null };
    const sealed = await Promise.all(others.map((other) => other.seal({ name, value: Uint8Array.of(2) })));
    now = BEGIN + 2 * WEEK;
    expect(await store().endPastPeriods()).toEqual({ destroyed: [period(BEGIN)], kept: [] });
    for (const [at, other] of others.entries()) {
      await database.query('DELETE FROM secrets WHERE epoch = 2'); // their rows are in databases of their own
      await database.query('INSERT INTO secrets (what, epoch, key, sealed) VALUES ($1, 2, $2, $3)', [
        name.what,
        sealed[at]?.key,
        Buffer.from(sealed[at]?.sealed ?? []),
      ]);
      expect(await other.opener(null)(name)).toEqual(Uint8Array.of(2));
    }
  });

  test('writes nothing that it sealed before it slept: that key may be gone, since no row was under it', async () => {
    await keep(1, Uint8Array.of(1));
    now = BEGIN + 2 * WEEK;
    const sleepy: Custody = {
      ...custody,
      seal: async (...said) => {
        const sealed = await custody.seal(...said);
        await custody.destroy(said[0]); // by another replica, which has come to this key before that of the row
        now += 2 * WEEK;
        return sealed;
      },
    };
    const asleep = new SecretStore(database, sleepy, owner, 'fiduciary', () => now);
    await expect(asleep.endPastPeriods()).rejects.toThrow(refusal('write_conflict'));
    expect(await open(1)).toEqual(Uint8Array.of(1));
  });

  test('does not bring back what was erased meanwhile', async () => {
    await keep(1, randomBytes(32));
    await database.query('DELETE FROM secrets');
    now = BEGIN + 2 * WEEK;
    expect(await store().endPastPeriods()).toMatchObject({ destroyed: [period(BEGIN)] });
    await expect(open(1)).rejects.toThrow(refusal('order_state_conflict'));
  });
});
