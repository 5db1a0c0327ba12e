import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { decodeCanonical, encodeCanonical, toHex, type Cid } from '@dta/codec';
import type { OrderProgress, ParamsOf } from '@dta/contracts';
import { randomBytes, secp256k1 } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { openNode, type Database, type RunningRole } from '@dta/node';
import { cast, codeOf, PlayedPeers, RoleRig, type Cast } from '@dta/node/testing';
import { known } from '@dta/order/testing';
import { startPrincipal, type PrincipalOptions } from '../src/index.js';
import { OrderRepository } from '../src/order.repository.js';
import { asked } from './asked.js';

// A party that writes a principal's database, but has neither its custody nor a key.

let rig: RoleRig;
let members: Cast;
let options: PrincipalOptions;
let peers: PlayedPeers;
let running: RunningRole;
let database: Database;

beforeAll(async () => {
  rig = await RoleRig.open();
  members = await cast();
  const { p, b, f1, f2 } = members;
  const common = await rig.prepare(p, 'principal', [b.identity, f1.identity, f2.identity]);
  options = {
    ...{ ...common, beneficiary: b.identity.cid, fiduciarySet: [f1.identity.cid, f2.identity.cid] },
    plugins: ['@dta/plugin-milagro', '@dta/plugin-bitcoinwallet', '@dta/plugin-safeguardsecret'],
  };
  peers = await PlayedPeers.serve(rig, members);
  running = await rig.start(startPrincipal, options);
  database = await rig.intrude(options);
});

afterAll(async () => {
  await rig.close();
});

beforeEach(() => {
  peers.tamper = async (reply) => reply;
});

type Calls =
  `principal.${'place-order' | 'redeem-order' | 'await-order' | 'await-events' | 'get-order' | 'list-orders'}`;
const call = <V extends Calls>(name: V, params: ParamsOf<V>) => rig.call(options, members.p, name, params);

const place = (said: Partial<ParamsOf<'principal.place-order'>> = {}) => call('principal.place-order', asked(said));
const get = (orderReference: Cid) => call('principal.get-order', { orderReference });
const redeem = (orderReference: Cid, idempotencyKey: string | null = null) =>
  call('principal.redeem-order', {
    ...{ orderReference, beneficiary: null, extension: {}, idempotencyKey, waitMs: 0 },
  });
const list = (said: Partial<ParamsOf<'principal.list-orders'>> = {}) =>
  call('principal.list-orders', {
    ...{ after: null, page: 0, perPage: 1_000, sortBy: 'dateCreatedAsc', state: null, beneficiary: null },
    ...said,
  });
const committed = async (said: Partial<ParamsOf<'principal.place-order'>> = {}): Promise<OrderProgress> => {
  const { orderReference } = await place(said);
  const view = await call('principal.await-order', { orderReference, until: 'committed', waitMs: 60_000 });
  expect(view.state).toBe('committed');
  return view;
};
const safeguarding = (plainText: string) => ({ plugin: 'safeguardsecret', extension: { plainText } });
const wallet = { plugin: 'bitcoinwallet', extension: { coin: '1', addressType: 'p2wpkh' } };

type Row = Record<string, unknown>;
const rowOf = async (table: string, ref: Cid): Promise<Row> =>
  known(
    (
      await database.query<Row>(`SELECT * FROM ${table} WHERE ${table === 'orders' ? 'ref' : 'order_ref'} = $1`, [ref])
    )[0],
  );
const bytesIn = (row: Row, column: string) => new Uint8Array(row[column] as Buffer); // where the column is bytea
/** Puts a row back, in the place of what is there. */
async function put(table: string, row: Row): Promise<void> {
  const key = table === 'orders' ? 'ref' : 'order_ref';
  const columns = Object.keys(row);
  if (table === 'orders') {
    const set = columns.map((name, at) => `${name} = $${at + 1}`).join(', ');
    await database.query(`UPDATE orders SET ${set} WHERE ref = $${columns.length + 1}`, [
      ...Object.values(row),
      row[key],
    ]);
    return;
  }
  await database.query(`DELETE FROM ${table} WHERE ${key} = $1`, [row[key]]);
  const places = columns.map((_, at) => `$${at + 1}`).join(', ');
  await database.query(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`, Object.values(row));
}
const setRecord = (ref: Cid, record: Uint8Array) =>
  database.query('UPDATE orders SET record = $2 WHERE ref = $1', [ref, Buffer.from(record)]);
async function alterRecord(ref: Cid, said: object): Promise<void> {
  const before = decodeCanonical(bytesIn(await rowOf('orders', ref), 'record'), 65_536) as object; // a map, by its schema
  await setRecord(ref, encodeCanonical({ ...before, ...said }));
}

describe('a safeguarded plaintext', () => {
  /** Places an order, and copies what is held for its plugin before it is committed. */
  async function copied(plainText: string): Promise<{ order: OrderProgress; held: Row }> {
    const copies = new Map<Cid, Row>();
    peers.tamper = async (reply, verb, { order: { ref } }) => {
      if (verb === 'confirm') copies.set(ref, await rowOf('secrets', ref));
      return reply;
    };
    const order = await committed(safeguarding(plainText));
    const held = known(copies.get(order.orderReference));
    expect(held['what']).toBe('plugin-held');
    return { order, held };
  }
  const fail = (ref: Cid) =>
    database.query("UPDATE plugin_answers SET extension = NULL, error = 'plugin_failed' WHERE order_ref = $1", [ref]);

  test('is not sealed to the key that the altered record names', async () => {
    const { order, held } = await copied('for one key alone');
    const { orderReference: ref } = order;
    const own = randomBytes(32).fill(1, 0, 1);
    const record = await rowOf('orders', ref);
    await put('secrets', held);
    await alterRecord(ref, { commitment: secp256k1.publicPoint(own) });
    await fail(ref);
    expect(await codeOf(redeem(ref))).toBe('record_invalid');
    expect(await rowOf('plugin_answers', ref)).toMatchObject({ extension: null });
    expect(await rowOf('secrets', ref)).toEqual(held); // which opens nothing by itself
    await put('orders', record);
  });

  test('is not sealed once more where its answer is said to have failed', async () => {
    const { order, held } = await copied('sealed once');
    const { orderReference: ref, extension } = order;
    const answered = await rowOf('plugin_answers', ref);
    await put('secrets', held);
    await fail(ref);
    expect(await codeOf(redeem(ref))).toBe('record_invalid');
    expect(await codeOf(get(ref))).toBe('record_invalid');
    await put('plugin_answers', answered);
    expect((await get(ref)).extension).toEqual(extension);
  });
});

test('a plugin that is asked again answers for the certified key, even where the record could name another', async () => {
  const { orderReference: ref, commitment, extension } = await committed(wallet);
  // as a party that had the record-key as well could write them
  const replica = await openNode({ ...options, plugins: [] }, rig.parts());
  const orders = new OrderRepository(replica);
  const before = await rowOf('orders', ref);
  const { order, version } = known(await orders.find(ref));
  const forged = orders.row(
    { ...order, commitment: secp256k1.publicPoint(randomBytes(32).fill(1, 0, 1)) },
    version - 1,
  );
  const error = 'plugin_failed';
  const mac = replica.rowMac.of('plugin-answer', [ref, known(commitment), null, error]);
  await replica.close();
  const [record, tag] = [Buffer.from(forged.record), Buffer.from(forged.mac)];
  await put('orders', { ...before, record, mac: tag });
  expect(known((await list()).orders.find(({ orderReference }) => orderReference === ref)).commitment).not.toEqual(
    commitment,
  );
  await put('plugin_answers', { order_ref: ref, extension: null, error, mac: Buffer.from(mac) });
  expect(await codeOf(redeem(ref))).toBe('record_invalid'); // the answer is of another key than the record's
  const answered = await rowOf('plugin_answers', ref);
  expect(decodeCanonical(bytesIn(answered, 'extension'), 65_536)).toEqual(extension);
});

describe("a record that is not as the principal wrote it is refused, and no other order's is:", () => {
  const alterations: readonly (readonly [string, (own: Row, other: Row) => Row])[] = [
    ["another order's record", (own, { record }) => ({ ...own, record })],
    ["another order's record with its MAC", (own, { record, mac }) => ({ ...own, record, mac })],
    ["all of another order's row but its reference", ({ ref }, other) => ({ ...other, ref })],
    ['bytes that are no record', (own) => ({ ...own, record: Buffer.from([0]) })],
    ['no record', (own) => ({ ...own, record: Buffer.alloc(0) })],
    ['another state', (own) => ({ ...own, state: 'released' })],
    ['another beneficiary', (own) => ({ ...own, beneficiary: members.p.identity.cid })],
    ['another time', (own) => ({ ...own, created_at: '9223372036854775807' })],
    ['a time at which it ends', (own) => ({ ...own, due_at: '0' })],
    ['another version', (own) => ({ ...own, version: 2_000_000 })],
    ['a MAC cut short', (own) => ({ ...own, mac: Buffer.from(bytesIn(own, 'mac').slice(1)) })],
    ['no MAC', (own) => ({ ...own, mac: Buffer.alloc(0) })],
  ];

  test.each(alterations)('%s', async (_, altered) => {
    const [{ orderReference: ref, commitment }, other] = [await committed(), await committed()];
    const [own, theirs] = [await rowOf('orders', ref), await rowOf('orders', other.orderReference)];
    await put('orders', altered(own, theirs));
    expect(await codeOf(get(ref))).toBe('record_invalid');
    expect(await codeOf(redeem(ref))).toBe('record_invalid');
    expect(await codeOf(call('principal.await-order', { orderReference: ref, until: 'released', waitMs: 1 }))).toBe(
      'record_invalid',
    );
    expect(await codeOf(call('principal.await-events', { orderReference: ref, after: 0, waitMs: 1 }))).toBe(
      'record_invalid',
    );
    expect((await get(other.orderReference)).commitment).toEqual(other.commitment);
    await put('orders', own);
    expect((await get(ref)).commitment).toEqual(commitment);
  });

  test('a row of no order at all: the list shows the others, and the log says so once', async () => {
    const before = await list();
    const { orderReference: ref } = await committed();
    const row = await rowOf('orders', ref);
    await put('orders', { ...row, record: Buffer.from('garbage') });
    const columns = 'version, state, beneficiary, created_at, due_at, record, mac';
    await database.query(
      `INSERT INTO orders (ref, ${columns}) SELECT 'no reference', ${columns} FROM orders WHERE ref = $1`,
      [ref],
    );
    expect(await list()).toEqual({
      ...{ orders: before.orders, unreadable: [ref], total: before.total + 2, next: null },
    });
    const state = 'committed' as const;
    expect((await list({ state })).unreadable).toEqual([ref]);
    const told = rig.logged.filter((line) => line.includes('a row is not as this node wrote it') && line.includes(ref));
    expect(told).toHaveLength(1);
    await database.query("DELETE FROM orders WHERE ref = 'no reference'");
    await put('orders', row);
    expect(await list()).toMatchObject({ unreadable: [], total: before.total + 1 });
  });

  test('one whose setup is under way: it is not driven on, and others are', async () => {
    let placed: Cid | undefined;
    peers.tamper = async (reply, verb, { order: { ref } }) => {
      placed ??= ref;
      if (ref === placed && verb === 'accept') throw new DtaError('service_unavailable', 'away');
      return reply;
    };
    const { orderReference: ref } = await place();
    while ((await get(ref)).state !== 'enrolled') await new Promise((resolve) => setTimeout(resolve, 20));
    await running.stop();
    await alterRecord(ref, { threshold: 1 });
    await database.query('DELETE FROM leases');
    running = await rig.start(startPrincipal, options);
    await committed();
    const isTold = () =>
      rig.logged.some((line) => line.includes(ref) && line.includes('a row is not as this node wrote it'));
    for (let at = 0; !isTold() && at < 1_000; at += 1) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isTold()).toBe(true);
    expect(await database.query('SELECT FROM leases WHERE order_ref = $1', [ref])).toHaveLength(1); // it is let lie for a while
    expect(await codeOf(get(ref))).toBe('record_invalid');
    await database.query("UPDATE deliveries SET state = 'closed' WHERE order_ref = $1", [ref]);
  });
});

describe("an order's public answer", () => {
  const alterations: readonly (readonly [string, (ref: Cid, other: Cid) => Promise<unknown>])[] = [
    [
      'with another address',
      (ref) =>
        database.query('UPDATE plugin_answers SET extension = $2 WHERE order_ref = $1', [
          ref,
          Buffer.from(encodeCanonical({ address: 'tb1q' })),
        ]),
    ],
    [
      "of another order's row",
      async (ref, other) => put('plugin_answers', { ...(await rowOf('plugin_answers', other)), order_ref: ref }),
    ],
    ['that is gone', (ref) => database.query('DELETE FROM plugin_answers WHERE order_ref = $1', [ref])],
  ];

  test.each(alterations)('%s is not shown', async (_, alter) => {
    const idempotencyKey = `key of ${toHex(randomBytes(8))}`;
    const { orderReference: ref, extension } = await committed({ ...wallet, idempotencyKey });
    expect(extension).toEqual({ address: expect.stringMatching(/^tb1q/) });
    const other = await committed(wallet);
    const own = await rowOf('plugin_answers', ref);
    await alter(ref, other.orderReference);
    expect(await codeOf(get(ref))).toBe('record_invalid');
    expect(await codeOf(place({ ...wallet, idempotencyKey }))).toBe('record_invalid');
    expect(await codeOf(redeem(ref))).toBe('record_invalid');
    expect((await get(other.orderReference)).extension).toEqual(other.extension);
    await put('plugin_answers', own);
    expect((await get(ref)).extension).toEqual(extension);
  });

  test('is not shown of an order that has no key yet', async () => {
    const { orderReference: other } = await committed(wallet);
    let checked: string | undefined;
    peers.tamper = async (reply, verb, { order: { ref } }) => {
      if (verb === 'deal' && reply.by === members.f2) {
        await put('plugin_answers', { ...(await rowOf('plugin_answers', other)), order_ref: ref });
        checked = await codeOf(get(ref));
      }
      return reply;
    };
    const { extension } = await committed(wallet);
    expect(checked).toBe('record_invalid');
    expect(extension).toEqual({ address: expect.stringMatching(/^tb1q/) }); // which takes the place of the other
  });

  test('is not made of a Request that another one has taken the place of', async () => {
    const said = { extension: { note: 'of the client' } };
    const [{ orderReference: ref }, { orderReference: other }] = [await committed(said), await committed()];
    const request = async (of: Cid) =>
      known((await database.query<{ bytes: Buffer }>('SELECT bytes FROM statements WHERE cid = $1', [of]))[0]).bytes;
    const own = await request(ref);
    const setRequest = (bytes: Buffer) =>
      database.query('UPDATE statements SET bytes = $2 WHERE cid = $1', [ref, bytes]);
    await setRequest(await request(other));
    expect(await codeOf(get(ref))).toBe('record_invalid');
    await setRequest(own);
    expect((await get(ref)).extension).toEqual(said.extension);
  });
});

describe('an Idempotency-Key', () => {
  test('is nowhere in the database in clear, and repeated gives its own order alone', async () => {
    const idempotencyKey = 'not to be read';
    const { orderReference: ref } = await committed({ idempotencyKey });
    const { orderReference: other } = await committed();
    const row = await rowOf('idempotency', ref);
    for (const column of ['key', 'asked', 'mac']) {
      expect(bytesIn(row, column)).toHaveLength(32);
      expect(Buffer.from(bytesIn(row, column)).includes(idempotencyKey)).toBe(false);
    }
    expect([row['tenant'], row['order_ref']]).toEqual(['node.place-order', ref]);
    await database.query('UPDATE idempotency SET order_ref = $2 WHERE order_ref = $1', [ref, other]);
    expect(await codeOf(place({ idempotencyKey }))).toBe('record_invalid');
    await database.query('UPDATE idempotency SET order_ref = $2 WHERE order_ref = $1', [other, ref]);
    expect((await place({ idempotencyKey })).orderReference).toBe(ref);
    expect(await codeOf(place({ idempotencyKey, threshold: 1, single: true }))).toBe('idempotency_conflict');
  });

  test("does not lead to the order of another client's row under its name", async () => {
    const [first, second] = ['key of one', 'key of another'];
    const { orderReference: one } = await committed({ idempotencyKey: first });
    const { orderReference: other } = await committed({ idempotencyKey: second });
    const [own, theirs] = [await rowOf('idempotency', one), await rowOf('idempotency', other)];
    await database.query('DELETE FROM idempotency WHERE order_ref = $1', [one]);
    await put('idempotency', { ...theirs, key: own['key'] });
    expect(await codeOf(place({ idempotencyKey: first }))).toBe('record_invalid');
  });
});
