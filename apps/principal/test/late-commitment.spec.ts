import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { kemKeyPair, randomBytes } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { rotateIdentity, softwareSigningKey } from '@dta/identity';
import type { Database } from '@dta/node';
import { cast, PlayedPeers, RoleRig, type Cast } from '@dta/node/testing';
import { setTimeout as delay } from 'node:timers/promises';
import { startPrincipal, type PrincipalOptions } from '../src/index.js';

// F2 refuses the Commitment since F1 has new keys, and F1, whose part is to be affirmed, is away.

let rig: RoleRig;
let members: Cast;
let options: PrincipalOptions;
let database: Database;

beforeAll(async () => {
  rig = await RoleRig.open();
  members = await cast();
  const { p, b, f1, f2 } = members;
  const common = await rig.prepare(p, 'principal', [b.identity, f1.identity, f2.identity]);
  const fiduciarySet = [f1.identity.cid, f2.identity.cid];
  options = { ...common, beneficiary: b.identity.cid, fiduciarySet };
  const peers = await PlayedPeers.serve(rig, members);
  peers.tamper = async (reply, verb) => {
    if (verb === 'commit' && reply.by === f2) throw new DtaError('identity_frozen', 'F1 has new keys');
    return reply;
  };
  await rig.start(startPrincipal, options);
  database = await rig.intrude(options);
});

afterAll(() => rig.close());

const questions = (ref: string) =>
  database.query<{ party: string; last_error: string | null }>(
    "SELECT party, last_error FROM deliveries WHERE order_ref = $1 AND verb = 'affirm' AND state = 'owed'",
    [ref],
  );

test('the author is asked once, for as long as it takes, and the order is redeemed meanwhile', async () => {
  const { f1, p } = members;
  const { orderReference } = await rig.call(options, p, 'principal.place-order', {
    ...{ plugin: 'milagro', fiduciaries: null, beneficiary: null, threshold: 1, single: true, minDealers: null },
    ...{ setupBy: null, keepUntil: null, rules: null, extension: {}, idempotencyKey: null, waitMs: 0 },
  });
  const reach = async (until: 'committed' | 'released') => {
    const params = { orderReference, until, waitMs: 60_000 };
    expect((await rig.call(options, p, 'principal.await-order', params)).state).toBe(until);
  };
  await reach('committed');
  expect(await questions(orderReference)).toEqual([]); // P knows of no new keys

  const said = { name: 'F1', roles: f1.identity.roles, kem: (await kemKeyPair()).publicKey, now: Date.now() };
  const { bytes: document } = await rotateIdentity(f1.identity, said, softwareSigningKey(randomBytes(32)), f1.key);
  await rig.call(options, p, 'admit-identity', { document, idDocumentCID: null });
  const asked = { party: f1.identity.cid, last_error: 'service_unavailable' };
  for (const limit = Date.now() + 60_000; Date.now() < limit; await delay(50)) {
    const [{ last_error: refused } = { last_error: null }] = await questions(orderReference);
    if (refused !== null) break;
  }
  expect(await questions(orderReference)).toEqual([asked]);

  await rig.call(options, p, 'principal.redeem-order', {
    ...{ orderReference, beneficiary: null, extension: {}, idempotencyKey: null, waitMs: 0 },
  });
  await reach('released');
  expect(await questions(orderReference)).toEqual([asked]);
  expect(rig.logged.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
}, 120_000);
