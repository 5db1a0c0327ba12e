import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cidOf } from '@dta/codec';
import { randomBytes } from '@dta/crypto';
import { createLogger } from '@dta/service';
import { giveUpOrders, migrateDatabase, openNode, RowMac, type Database, type NodeOptions } from '../src/index.js';
import { setTimeout as delay } from 'node:timers/promises';
import { refusal } from './refusal.js';
import { cast, RoleRig, type Cast } from './testing/index.js';

const [owner, other] = [cidOf(randomBytes(8)), cidOf(randomBytes(8))];
const key = randomBytes(64);
const lines: string[] = [];
const log = createLogger({ name: 'test', destination: { write: (line: string) => lines.push(line) } });
const fields = ['some reference', '1', null, new Uint8Array([1, 2])] as const;

describe('a row', () => {
  const mac = new RowMac(key, owner, 'fiduciary', log);
  const made = mac.of('order', fields);

  test('is what its MAC is of', () => {
    expect(made).toHaveLength(32);
    expect(() => mac.assert(made, 'order', fields, 'ref')).not.toThrow();
    expect(() => new RowMac(key.slice(), owner, 'fiduciary', log).assert(made, 'order', fields, 'ref')).not.toThrow();
  });

  test.each<[string, RowMac, Parameters<RowMac['assert']>[1], Parameters<RowMac['assert']>[2]]>([
    ['of another kind', mac, 'idempotency', fields],
    ['with another field', mac, 'order', ['some reference', '2', null, new Uint8Array([1, 2])]],
    ['with a field of another form', mac, 'order', ['some reference', '1', '', new Uint8Array([1, 2])]],
    ['whose fields are cut elsewhere', mac, 'order', ['some reference1', '', null, new Uint8Array([1, 2])]],
    ['with a field less', mac, 'order', ['some reference', '1', null]],
    ['of another role', new RowMac(key, owner, 'beneficiary', log), 'order', fields],
    ['of another node', new RowMac(key, other, 'fiduciary', log), 'order', fields],
    ['under another key', new RowMac(randomBytes(64), owner, 'fiduciary', log), 'order', fields],
  ])('%s is another', (_, by, kind, said) => {
    expect(() => by.assert(made, kind, said, 'ref')).toThrow(refusal('record_invalid'));
  });

  test('without a MAC, or with one of another length, is refused', () => {
    for (const none of [null, new Uint8Array(), made.slice(1), new Uint8Array([...made, 0])])
      expect(() => mac.assert(none, 'order', fields, 'ref')).toThrow(refusal('record_invalid'));
  });

  test('that is refused again and again is told of once, whatever its reference is', () => {
    lines.length = 0;
    const refs = ['one', 'x'.repeat(1_000_000)];
    for (const ref of [...refs, ...refs]) mac.refusal('order', ref);
    expect(lines).toHaveLength(2);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(1_000);
  });

  test('that is refused twice a minute is told of once a minute', async () => {
    lines.length = 0;
    const { now } = performance;
    let ms = now.call(performance);
    performance.now = () => ms; // what the cache goes by
    try {
      for (let times = 0; times < 40; times++, ms += 30_000) {
        mac.refusal('order', 'again');
        await delay(2); // it takes the time anew once its timer of 1 ms has run out
      }
    } finally {
      performance.now = now;
    }
    expect(lines.length).toBeGreaterThan(12);
    expect(lines.length).toBeLessThan(21);
  });
});

describe('the key of rows', () => {
  let rig: RoleRig;
  let members: Cast;
  let options: NodeOptions;
  let database: Database;

  beforeAll(async () => {
    rig = await RoleRig.open();
    members = await cast();
    options = await rig.prepare(members.f1, 'fiduciary', []);
    database = await rig.intrude(options);
  });

  afterAll(() => rig.close());

  const macOf = async () => {
    const node = await openNode(options, rig.parts());
    const mac = node.rowMac.of('order', fields);
    await node.close();
    return Buffer.from(mac).toString('hex');
  };
  test('is one for all replicas, also of those that start at once, and at every later start', async () => {
    const made = await Promise.all(Array.from({ length: 4 }, macOf));
    expect(new Set([...made, await macOf()]).size).toBe(1);
    expect(await database.query("SELECT FROM secrets WHERE what = 'record-key'")).toHaveLength(1);
  });

  test('is sealed: a party that reads the row has no key', async () => {
    const [row] = await database.query<{ sealed: Buffer }>("SELECT sealed FROM secrets WHERE what = 'record-key'");
    expect(row?.sealed.length).toBe(1 + 12 + 64 + 16);
  });

  test('that is gone while there are orders is not made anew: the node does not start, and says what to do', async () => {
    const before = await macOf();
    await database.query(
      "INSERT INTO orders (ref, version, state, created_at, record, mac) VALUES ('x', 1, 'x', 1, '', 'any')",
    );
    expect(await macOf()).toBe(before);
    await database.query("UPDATE secrets SET what = 'share' WHERE what = 'record-key'");
    await expect(macOf()).rejects.toThrow(refusal('start_failed', 'restore that row'));
    expect(await database.query("SELECT FROM secrets WHERE what = 'record-key'")).toEqual([]);
    await database.query("UPDATE secrets SET what = 'record-key' WHERE what = 'share'");
    expect(await macOf()).toBe(before);
  });

  test('that was put there by a party without custody opens nothing: the node does not start', async () => {
    const [own] = await database.query<{ sealed: Buffer }>("SELECT sealed FROM secrets WHERE what = 'record-key'");
    await database.query("UPDATE secrets SET sealed = $1 WHERE what = 'record-key'", [Buffer.from(randomBytes(93))]);
    await expect(macOf()).rejects.toThrow(refusal('custody_invalid'));
    await database.query("UPDATE secrets SET sealed = $1 WHERE what = 'record-key'", [own?.sealed]);
  });

  test('is made anew where custody is lost and the operator has given all orders up', async () => {
    const before = await macOf();
    await database.query(
      "INSERT INTO secrets (order_ref, what, epoch, key, sealed) VALUES ('x', 'share', 0, 'gone', 'sealed')",
    );
    expect(await giveUpOrders(database)).toBe(1);
    expect(await database.query('SELECT mac, state, due_at FROM orders')).toEqual([
      { mac: Buffer.of(), state: 'failed', due_at: null },
    ]);
    expect(await database.query('SELECT FROM secrets')).toEqual([]);
    expect(await giveUpOrders(database)).toBe(0);
    expect(await macOf()).not.toBe(before);
  });

  test('a database with orders from before there was one is not taken over', async () => {
    await database.query("DELETE FROM migrations WHERE name LIKE 'AuthenticatedRecords%'");
    await database.query('ALTER TABLE orders DROP COLUMN mac');
    await expect(migrateDatabase({ url: options.database.url, poolSize: 1 })).rejects.toThrow(
      refusal('schema_outdated'),
    );
  });
});
