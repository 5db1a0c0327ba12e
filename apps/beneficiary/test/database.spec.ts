import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { decodeCanonical, encodeCanonical } from '@dta/codec';
import { randomBytes, secp256k1 } from '@dta/crypto';
import { openNode, type Database, type NodeOptions } from '@dta/node';
import { cast, codeOf, RoleRig, WiredParties, type Cast } from '@dta/node/testing';
import { known } from '@dta/order/testing';
import { startBeneficiary } from '../src/index.js';

let rig: RoleRig;
let options: NodeOptions;
let database: Database;
let members: Cast;

beforeAll(async () => {
  rig = await RoleRig.open();
  members = await cast();
  options = await rig.prepare(members.b, 'beneficiary', [members.p.identity]);
  await rig.start(startBeneficiary, options);
  database = await rig.intrude(options);
});

afterAll(async () => {
  await rig.close();
});

async function order(): Promise<WiredParties> {
  const parties = new WiredParties(rig, members).wire(members.b);
  parties.held.add('redeem');
  await parties.place();
  await parties.redeem();
  return parties;
}

const redeem = (parties: WiredParties) => parties.ask(parties.message('redeem', 'beneficiary'));
const reveal = (parties: WiredParties) =>
  rig.call(options, members.b, 'beneficiary.reveal-secret', {
    orderReference: parties.order.ref,
    extension: null,
  });

/** Copies a sealed row of one order to the same place of another. */
const move = (what: string, from: WiredParties, to: WiredParties) =>
  database.query(
    `UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE order_ref = $2 AND what = $1)
     WHERE order_ref = $3 AND what = $1`,
    [what, from.order.ref, to.order.ref],
  );

test.each(['enrolment-key', 'enrolment-seed'])(
  "who writes a beneficiary's database but not its HSM: a moved %s does not open",
  async (what) => {
    const [one, other] = [await order(), await order()];
    await move(what, other, one);
    expect(await codeOf(redeem(one))).toBe('custody_invalid');
    expect(await codeOf(reveal(one))).toBe('order_state_conflict');
    expect(await codeOf(redeem(other))).toBe('answered'); // the other order's own rows are untouched
  },
);

test("who writes a beneficiary's database but not its HSM: nobody is shown the secret of another order", async () => {
  const [one, other] = [await order(), await order()];
  await redeem(one);
  await redeem(other);
  await move('secret', other, one);
  expect(await codeOf(reveal(one))).toBe('custody_invalid');
  expect(secp256k1.publicPoint((await reveal(other)).secret)).toEqual(other.order.commitment);
});

test("who writes a beneficiary's database but not its HSM: a state says nothing of a secret that isn't there", async () => {
  const [one, other] = [await order(), await order()];
  await redeem(other);
  await database.query(
    `UPDATE orders SET state = 'held', record = (SELECT record FROM orders WHERE ref = $2) WHERE ref = $1`,
    [one.order.ref, other.order.ref],
  );
  expect(await codeOf(reveal(one))).toBe('record_invalid');
  expect(await codeOf(reveal(other))).toBe('answered');
});

test("who writes a beneficiary's database but not its HSM: no other key is shown, or taken, for the one committed to", async () => {
  const one = await order();
  const set = async (said: object) => {
    const [row] = await database.query<{ record: Buffer }>('SELECT record FROM orders WHERE ref = $1', [one.order.ref]);
    const record = known(row).record;
    const before = decodeCanonical(new Uint8Array(record), 65_536) as object; // a map, by its schema
    await database.query('UPDATE orders SET record = $2 WHERE ref = $1', [
      one.order.ref,
      Buffer.from(encodeCanonical({ ...before, ...said })),
    ]);
    return () => database.query('UPDATE orders SET record = $2 WHERE ref = $1', [one.order.ref, record]);
  };
  const other = secp256k1.publicPoint(randomBytes(32).fill(1, 0, 1));
  const back = await set({ commitment: other, commitmentStatement: null });
  expect(await codeOf(redeem(one))).toBe('record_invalid');
  await back();
  await redeem(one);
  const backAgain = await set({ commitment: other, good: [1, 2] });
  expect(await codeOf(reveal(one))).toBe('record_invalid');
  await backAgain();
  expect(secp256k1.publicPoint((await reveal(one)).secret)).toEqual(one.order.commitment);
});

test('a secret that is sealed for the order, but is not of its key, is not shown', async () => {
  const one = await order();
  await redeem(one);
  // as a party that had custody as well could write it; without custody, one of another time of this order
  const replica = await openNode({ ...options, plugins: [] }, rig.parts());
  const name = { what: 'secret', request: one.order.ref, epoch: 0, transcript: null, index: null } as const;
  const { sealed } = await replica.secrets.seal({ name, value: randomBytes(32).fill(1, 0, 1) });
  await replica.close();
  await database.query("UPDATE secrets SET sealed = $2 WHERE order_ref = $1 AND what = 'secret'", [
    one.order.ref,
    Buffer.from(sealed),
  ]);
  expect(await codeOf(reveal(one))).toBe('record_invalid');
});

test('after keepUntil nothing is shown or released any more, also before the sweep', async () => {
  const keepUntil = Date.now() + 12_000;
  const parties = new WiredParties(rig, members).wire(members.b);
  await parties.place({ setupBy: keepUntil - 1, keepUntil });
  await parties.redeem();
  expect(await codeOf(reveal(parties))).toBe('answered');
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, keepUntil + 1 - Date.now())));
  expect(await codeOf(reveal(parties))).toBe('order_state_conflict');
  expect(await codeOf(redeem(parties))).toBe('answered'); // the same bytes: the stored Receipt, which holds no share
  const again = parties.offer(parties.message('redeem', 'beneficiary'), {});
  expect(await codeOf(again)).toBe('order_state_conflict');
});
