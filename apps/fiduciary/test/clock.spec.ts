import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { keyPeriod } from '@dta/custody';
import { openNode, type Database, type NodeOptions } from '@dta/node';
import { cast, codeOf, RoleRig, WiredParties, type Cast } from '@dta/node/testing';
import { startFiduciary } from '../src/index.js';

const DAY = 24 * 60 * 60_000;
const YEAR = 365 * DAY;

let rig: RoleRig;
let options: NodeOptions;
let database: Database;
let members: Cast;
let setDatabase: (aheadMs: number) => Promise<void>;

beforeEach(async () => {
  rig = await RoleRig.open();
  members = await cast();
  options = await rig.prepare(members.f1, 'fiduciary', [members.p.identity]);
  setDatabase = await rig.clockOf(options);
  database = await rig.intrude(options);
});

afterEach(async () => {
  jest.restoreAllMocks();
  await rig.close();
});

/** From now on everybody's clock says another time, the database's too where it is told. */
async function jump(ms: number, database = ms): Promise<void> {
  jest.restoreAllMocks();
  const now = Date.now.bind(Date);
  jest.spyOn(Date, 'now').mockImplementation(() => now() + ms);
  await setDatabase(database);
}

test('a clock that was an hour ahead while the order was set up: it releases once that is right', async () => {
  await jump(60 * 60_000);
  const running = await rig.start(startFiduciary, options);
  const parties = new WiredParties(rig, members).wire(members.f1);
  parties.held.add('release').add('redeem');
  await parties.place();
  await jump(0);
  const certificate = parties.statements.map(({ cid }) => cid);
  const read = parties.verifier;
  Object.defineProperty(parties, 'verifier', {
    get: () => ({ ...read, now: Date.now(), stored: new Set(certificate) }),
  });
  parties.now = Date.now();
  await parties.redeem(); // P has stored all of it as well; its Redemption is of the right time
  const message = parties.message('release', 1);
  expect(await codeOf(parties.post(message, await parties.pack(message)))).toBe('answered');
  await running.stop();
});

test.each<[string, number, number]>([
  ['its own clock is a year ahead', YEAR, 0],
  ["the database's clock is a year ahead", 0, YEAR],
  ['both have jumped a year ahead while it was down', YEAR, YEAR],
])('no share is erased and no key destroyed while %s', async (_, own, shared) => {
  const running = await rig.start(startFiduciary, options);
  const parties = new WiredParties(rig, members).wire(members.f1);
  parties.held.add('redeem');
  const keepUntil = Date.now() + 30 * DAY;
  await parties.place({ keepUntil });
  await running.stop();
  const left = async () => ({
    secrets: (await database.query('SELECT FROM secrets WHERE order_ref = $1', [parties.order.ref])).length,
    states: (await database.query<{ state: string }>('SELECT state FROM orders')).map(({ state }) => state),
  });
  const keys = async () => {
    const node = await openNode(options, rig.parts());
    const periods = (await node.custody.keys()).map((key) => Number(/period-([0-9]+)$/.exec(key)?.[1]));
    await node.close();
    return periods.filter((period) => period === keyPeriod(keepUntil - 30 * DAY)).length;
  };
  const before = await left();
  expect(before).toEqual({ secrets: 1, states: ['committed'] });
  await jump(own, shared);
  const wrong = await rig.start(startFiduciary, options); // which sweeps as it starts
  await wrong.stop(); // and ends the sweep first
  expect(rig.logged.some((line) => line.includes("what can't be undone waits"))).toBe(true);
  expect(await left()).toEqual(before);
  expect(await keys()).toBe(1);
  if (own !== shared) return;
  await database.query('UPDATE clock SET steady_since = 0'); // an hour passes without a jump
  const right = await rig.start(startFiduciary, options);
  await right.stop();
  expect(await left()).toEqual({ secrets: 0, states: ['erased'] });
  expect(await keys()).toBe(0);
});
