import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeCanonical, encodeCanonical } from '@dta/codec';
import { randomBytes } from '@dta/crypto';
import type { Database, NodeOptions } from '@dta/node';
import { cast, codeOf, makeNewer, RoleRig, rowsOf, WiredParties, type Cast } from '@dta/node/testing';
import { redemptionStatement } from '@dta/order';
import { known, type Sent } from '@dta/order/testing';
import { signStatement } from '@dta/identity';
import { startFiduciary } from '../src/index.js';

let rig: RoleRig;
let members: Cast;
/** of F1 and F2, who are both real */
let databases: readonly [Database, Database];
let options: readonly [NodeOptions, NodeOptions];
let one: WiredParties;
let other: WiredParties;

async function order(): Promise<WiredParties> {
  const parties = new WiredParties(rig, members).wire(members.f1, members.f2);
  parties.held.add('release').add('redeem');
  await parties.place();
  await parties.redeem();
  return parties;
}

beforeAll(async () => {
  rig = await RoleRig.open();
  members = await cast();
  const { p, f1, f2 } = members;
  options = [await rig.prepare(f1, 'fiduciary', [p.identity]), await rig.prepare(f2, 'fiduciary', [p.identity])];
  for (const each of options) await rig.start(startFiduciary, each);
  databases = [await rig.intrude(options[0]), await rig.intrude(options[1])];
  one = await order();
  other = await order();
});

afterAll(async () => {
  await rig.close();
});

/** A Redemption of its own, so that one test's doesn't answer another's. */
async function redemption(parties: WiredParties): Promise<Sent> {
  const said = parties.evidence.one(redemptionStatement);
  const { key } = parties.principal;
  const fresh = await signStatement(redemptionStatement, { ...said.body, createdAt: Date.now() }, [key]);
  const message = parties.message('release', 1);
  return { ...message, statements: [fresh, ...message.statements.slice(1)] };
}

const release = async (parties: WiredParties) => codeOf(parties.ask(await redemption(parties)));
const share = (database: Database, ref: string) =>
  database
    .query<{ sealed: Buffer; key: string }>(`SELECT sealed, key FROM secrets WHERE order_ref = $1 AND what = 'share'`, [
      ref,
    ])
    .then(([row]) => known(row));
const putShare = (database: Database, ref: string, { sealed, key }: { sealed: Buffer; key: string }) =>
  database.query(`UPDATE secrets SET sealed = $2, key = $3 WHERE order_ref = $1 AND what = 'share'`, [
    ref,
    sealed,
    key,
  ]);

/** Changes F1's database, looks what comes of it, and puts the row of the share back. */
async function withShare(change: (own: { sealed: Buffer; key: string }) => { sealed: Buffer; key: string }) {
  const [database] = databases;
  const own = await share(database, one.order.ref);
  await putShare(database, one.order.ref, change(own));
  try {
    return await release(one);
  } finally {
    await putShare(database, one.order.ref, own);
  }
}

test('both orders are committed at two fiduciaries, and released on demand', async () => {
  expect([one.order.state, other.order.state]).toEqual(['releasing', 'releasing']);
  expect(await release(one)).toBe('answered');
});

test('an order that a newer version of the fiduciary wrote is busy for its principal, and its row is left alone', async () => {
  const row = await makeNewer(rig, options[0], one.order.ref);
  expect(await release(one)).toBe('busy');
  expect(await release(other)).toBe('answered');
  expect(await row.isUntouched()).toBe(true);
  await row.putBack();
  expect(await release(one)).toBe('answered');
});

describe("who writes a fiduciary's database but not its HSM", () => {
  test('moves a sealed share to another order: it does not open', async () => {
    const moved = await share(databases[0], other.order.ref);
    expect(await withShare(() => moved)).toBe('custody_invalid');
  });

  test('puts the share of another fiduciary there: it does not open', async () => {
    const [, second] = databases;
    const theirs = await share(second, one.order.ref);
    expect(await withShare(() => theirs)).toBe('custody_invalid');
  });

  test('alters a sealed share, or names another key for it: it does not open', async () => {
    const altered = (sealed: Buffer) =>
      Buffer.from(sealed.map((byte, at) => (at === sealed.length - 1 ? byte ^ 1 : byte)));
    expect(await withShare(({ sealed, key }) => ({ sealed: altered(sealed), key }))).toBe('custody_invalid');
    expect(await withShare(({ sealed }) => ({ sealed, key: 'period-1' }))).toBe('custody_invalid');
    expect(await withShare(({ sealed }) => ({ sealed, key: 'identity' }))).toBe('custody_invalid');
    expect(await withShare(({ key }) => ({ sealed: Buffer.alloc(0), key }))).toBe('custody_invalid');
  });

  test.each([
    ['epoch', 'epoch = 1', 'epoch = 0'],
    ['index', 'index = 2', 'index = 1'],
    ['kind', "what = 'subshare'", "what = 'share'"],
  ])('renames it to another %s: there is no such share', async (_, set, back) => {
    const [database] = databases;
    const { ref } = one.order;
    await database.query(`UPDATE secrets SET ${set} WHERE order_ref = $1`, [ref]);
    expect(await release(one)).toBe('order_state_conflict');
    await database.query(`UPDATE secrets SET ${back} WHERE order_ref = $1`, [ref]);
    expect(await release(one)).toBe('answered');
  });

  test('gives it the transcript of another order: there is no such share', async () => {
    const [database] = databases;
    const [mine, theirs] = [one.order.ref, other.order.ref];
    await database.query(
      `UPDATE secrets SET transcript = (SELECT transcript FROM secrets WHERE order_ref = $2 AND what = 'share')
       WHERE order_ref = $1 AND what = 'share'`,
      [mine, theirs],
    );
    expect(await release(one)).toBe('order_state_conflict');
    await database.query(`UPDATE secrets SET transcript = $2 WHERE order_ref = $1 AND what = 'share'`, [
      mine,
      Buffer.from(known(one.evidence.one(redemptionStatement).body.transcript)),
    ]);
    expect(await release(one)).toBe('answered');
  });

  test("puts another order's row in the place of this one's: nothing of it fits", async () => {
    const [database] = databases;
    const [mine] = await database.query<{ record: Buffer }>('SELECT record FROM orders WHERE ref = $1', [
      one.order.ref,
    ]);
    const [theirs] = await database.query<{ record: Buffer }>('SELECT record FROM orders WHERE ref = $1', [
      other.order.ref,
    ]);
    const put = (record: Buffer) =>
      database.query('UPDATE orders SET record = $2 WHERE ref = $1', [one.order.ref, record]);
    await put(known(theirs).record);
    expect(await release(one)).toBe('record_invalid');
    await put(known(mine).record);
    expect(await release(one)).toBe('answered');
  });

  test('forgets the Redemptions that were answered: the row is refused, and no more than sixteen a day are', async () => {
    const [database] = databases;
    const { ref } = one.order;
    const [mine] = await database.query<{ record: Buffer }>('SELECT record FROM orders WHERE ref = $1', [ref]);
    const record = decodeCanonical(new Uint8Array(known(mine).record), 65_536) as { answered: unknown[] }; // by its schema
    expect(record.answered).not.toEqual([]);
    const forgetful = Buffer.from(encodeCanonical({ ...record, answered: [] }));
    await database.query('UPDATE orders SET record = $2 WHERE ref = $1', [ref, forgetful]);
    expect(await release(one)).toBe('record_invalid');
    await database.query('UPDATE orders SET record = $2 WHERE ref = $1', [ref, known(mine).record]);
    expect(await release(one)).toBe('answered');
  });

  test("puts another fiduciary's row of the same order there: it is refused", async () => {
    const [database, second] = databases;
    const { ref } = one.order;
    const row = (from: Database) =>
      from
        .query<Record<string, unknown>>('SELECT version, state, due_at, record, mac FROM orders WHERE ref = $1', [ref])
        .then(([found]) => known(found));
    const put = (values: Record<string, unknown>) =>
      database.query('UPDATE orders SET version = $2, state = $3, due_at = $4, record = $5, mac = $6 WHERE ref = $1', [
        ref,
        ...Object.values(values),
      ]);
    const mine = await row(database);
    await put(await row(second));
    expect(await release(one)).toBe('record_invalid');
    await put(mine);
    expect(await release(one)).toBe('answered');
  });

  test('makes a record of bytes that are none: an error, and the process lives on', async () => {
    const [database] = databases;
    const [mine] = await database.query<{ record: Buffer }>('SELECT record FROM orders WHERE ref = $1', [
      one.order.ref,
    ]);
    for (const record of [Buffer.alloc(0), randomBytes(40), Buffer.from([0xa0])]) {
      await database.query('UPDATE orders SET record = $2 WHERE ref = $1', [one.order.ref, Buffer.from(record)]);
      expect(await release(one)).toBe('record_invalid');
    }
    await database.query('UPDATE orders SET record = $2 WHERE ref = $1', [one.order.ref, known(mine).record]);
    expect(await release(one)).toBe('answered');
  });

  test('erases a share: it is gone, and nothing is put in its place', async () => {
    const [database] = databases;
    await database.query(`DELETE FROM secrets WHERE order_ref = $1`, [other.order.ref]);
    const before = await rowsOf(database);
    expect(await release(other)).toBe('order_state_conflict');
    expect(await rowsOf(database)).toEqual(before);
  });

  test('reads no share in plain: neither in a table nor in the log', async () => {
    const [database] = databases;
    const rows = await database.query<{ sealed: Buffer }>("SELECT sealed FROM secrets WHERE what = 'share'");
    for (const { sealed } of rows) expect(sealed.length).toBe(1 + 12 + 32 + 16);
    expect(rig.logged.join('')).not.toMatch(/"(share|seed|secret)":"?(?!\[hidden\])[0-9a-f[]/);
  });
});
