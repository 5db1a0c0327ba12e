import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ORDERS_DRIVEN_MAX, ORDERS_HELD_MAX } from '@dta/contracts';
import type { Database } from '@dta/node';
import { cast, PlayedPeers, RoleRig, type Cast } from '@dta/node/testing';
import { setTimeout as delay } from 'node:timers/promises';
import { startPrincipal, type PrincipalOptions } from '../src/index.js';

let rig: RoleRig;
let members: Cast;
let options: PrincipalOptions;
let database: Database;
let peers: PlayedPeers;

beforeAll(async () => {
  rig = await RoleRig.open();
  members = await cast();
  const { p, b, f1 } = members;
  const common = await rig.prepare(p, 'principal', [b.identity, f1.identity]);
  options = { ...common, beneficiary: b.identity.cid, fiduciarySet: [f1.identity.cid] };
  peers = await PlayedPeers.serve(rig, members);
  await rig.start(startPrincipal, options);
  database = await rig.intrude(options);
});

afterAll(async () => {
  await rig.close();
});

test('more orders at once than a principal drives and holds ready: each gets its turn', async () => {
  const count = ORDERS_DRIVEN_MAX + ORDERS_HELD_MAX + 40;
  const asked = {
    ...{ plugin: 'milagro', fiduciaries: null, beneficiary: null, threshold: null, single: null, minDealers: null },
    ...{ setupBy: null, keepUntil: null, rules: null, extension: {}, idempotencyKey: null },
  };
  let goOn: () => void = () => undefined;
  const placed = new Promise<void>((resolve) => (goOn = resolve));
  peers.tamper = (reply) => placed.then(() => reply);
  for (let at = 0; at < count; at += ORDERS_DRIVEN_MAX) {
    const wave = Array.from({ length: Math.min(ORDERS_DRIVEN_MAX, count - at) }, () =>
      rig.call(options, members.p, 'principal.place-order', asked),
    );
    await Promise.all(wave);
  }
  goOn();
  const states = () =>
    database.query<{ state: string; orders: number }>(
      'SELECT state, count(*)::integer AS orders FROM orders GROUP BY state',
    );
  const all = [{ state: 'committed', orders: count }];
  let now = await states();
  for (const limit = Date.now() + 30_000; JSON.stringify(now) !== JSON.stringify(all) && Date.now() < limit;) {
    await delay(100);
    now = await states();
  }
  expect(now).toEqual(all);
}, 60_000);
