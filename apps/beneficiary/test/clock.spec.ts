import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { secp256k1 } from '@dta/crypto';
import type { Database, NodeOptions } from '@dta/node';
import { cast, codeOf, RoleRig, WiredParties, type Cast } from '@dta/node/testing';
import { startBeneficiary } from '../src/index.js';

const DAY = 24 * 60 * 60_000;
const YEAR = 365 * DAY;

let rig: RoleRig;
let options: NodeOptions;
let database: Database;
let members: Cast;
let ahead = 0;
let setDatabase: (aheadMs: number) => Promise<void>;

beforeAll(async () => {
  rig = await RoleRig.open();
  members = await cast();
  options = await rig.prepare(members.b, 'beneficiary', [members.p.identity]);
  setDatabase = await rig.clockOf(options);
  await rig.start(startBeneficiary, options, () => Date.now() + ahead);
  database = await rig.intrude(options);
});

afterEach(async () => {
  ahead = 0;
  await setDatabase(0);
});

afterAll(async () => {
  await rig.close();
});

/** What the beneficiary's own gateway asks, by a clock as wrong as the beneficiary's. */
const reveal = ({ order }: WiredParties) =>
  rig.call(
    options,
    members.b,
    'beneficiary.reveal-secret',
    { orderReference: order.ref, extension: {} },
    { now: Date.now() + ahead },
  );

test('a released order answers its secret whatever the clock says, and nothing of it is erased', async () => {
  const parties = new WiredParties(rig, members).wire(members.b);
  await parties.place({ keepUntil: Date.now() + 30 * DAY });
  await parties.redeem();
  const kept = () => database.query('SELECT FROM secrets WHERE order_ref = $1', [parties.order.ref]);
  const times: [number, number][] = [
    [0, 0],
    [YEAR, 0],
    [-YEAR, 0],
    [0, YEAR],
    [YEAR, YEAR],
    [-YEAR, -YEAR],
    [YEAR, YEAR],
  ];
  for (const [own, shared] of times) {
    ahead = own;
    await setDatabase(shared);
    expect(secp256k1.publicPoint((await reveal(parties)).secret)).toEqual(parties.order.commitment);
    const again = await rig.start(startBeneficiary, options, () => Date.now() + ahead); // which sweeps as it starts
    expect(secp256k1.publicPoint((await reveal(parties)).secret)).toEqual(parties.order.commitment);
    await again.stop();
    expect(await kept()).toHaveLength(1);
  }
});

test('a new step is refused while its clock and the database differ, and taken after', async () => {
  const parties = new WiredParties(rig, members).wire(members.b);
  parties.held.add('commit').add('redeem');
  await parties.place();
  const message = parties.message('commit', 'beneficiary');
  ahead = 150_000;
  expect(await codeOf(parties.ask(message))).toBe('clock_skewed');
  ahead = 0;
  expect(await codeOf(parties.ask(message))).toBe('answered');
});
