// budget: 300 s
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { startBeneficiary } from '@dta/beneficiary';
import { cidOf, type Cid } from '@dta/codec';
import { secp256k1 } from '@dta/crypto';
import { decodeBundle } from '@dta/envelope';
import { DtaError } from '@dta/errors';
import { startFiduciary } from '@dta/fiduciary';
import { cast, member, RoleRig, type Member } from '@dta/node/testing';
import type { Database, NodeOptions } from '@dta/node';
import { startPrincipal, type PrincipalOptions } from '@dta/principal';
import type { Transport } from '@dta/transport';
import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

jest.setTimeout(300_000);

const orders = 120;
const clients = 30;

let rig: RoleRig;
let p: Member;
let b: Member;
let principal: PrincipalOptions;
let beneficiary: NodeOptions;
let databases: Database[];
/** how often the network may yet do something to a message: by its envelope and whom it goes to */
const left = new Map<string, number>();
const FAULTS_OF_A_MESSAGE = 3;
const network = { sent: 0, lost: 0, unanswered: 0, late: 0, twice: 0 };
const onTheirWay = new Set<Promise<unknown>>();

beforeAll(async () => {
  rig = await RoleRig.open();
  const { f1, f2, ...others } = await cast();
  ({ p, b } = others);
  const members = [f1, f2, await member('F3', 'fiduciary')];
  const fiduciarySet = members.map(({ identity }) => identity.cid);
  const admitted = [b.identity, ...members.map(({ identity }) => identity)];
  principal = { ...(await rig.prepare(p, 'principal', admitted)), beneficiary: b.identity.cid, fiduciarySet };
  beneficiary = await rig.prepare(b, 'beneficiary', [p.identity]);
  const fiduciaries = await Promise.all(members.map((owner) => rig.prepare(owner, 'fiduciary', [p.identity])));
  for (let replica = 0; replica < 2; replica++) {
    await rig.start(startBeneficiary, beneficiary);
    for (const fiduciary of fiduciaries) await rig.start(startFiduciary, fiduciary);
    await rig.start(
      (options: PrincipalOptions, parts) => startPrincipal(options, { ...parts, transport: lossy(parts.transport) }),
      principal,
    );
  }
  databases = await Promise.all([beneficiary, ...fiduciaries].map((options) => rig.intrude(options)));
});

afterAll(async () => {
  await Promise.all(onTheirWay);
  await rig.close();
});

test('orders end right though half of all messages and replies are lost, late, out of order or repeated', async () => {
  let placed = 0;
  const client = async () => {
    while (placed++ < orders) {
      const { orderReference } = await rig.call(principal, p, 'principal.place-order', {
        ...{ plugin: 'milagro', fiduciaries: null, beneficiary: null, threshold: 3, single: null, minDealers: null },
        ...{ setupBy: null, keepUntil: null, rules: null, extension: {}, idempotencyKey: null, waitMs: 0 },
      });
      const { commitment } = await awaited(orderReference, 'committed');
      await rig.call(principal, p, 'principal.redeem-order', {
        ...{ orderReference, beneficiary: null, extension: {}, idempotencyKey: null, waitMs: 0 },
      });
      await awaited(orderReference, 'released');
      const { secret } = await rig.call(beneficiary, b, 'beneficiary.reveal-secret', {
        orderReference,
        extension: null,
      });
      expect(secp256k1.publicPoint(secret)).toEqual(commitment);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  console.log(JSON.stringify(network));
  for (const fate of ['lost', 'unanswered', 'late', 'twice'] as const) expect(network[fate]).toBeGreaterThan(orders);
  for (const database of databases) {
    const [row] = await database.query<{ orders: number }>('SELECT count(*)::integer AS orders FROM orders');
    expect(row?.orders).toBe(orders);
  }
});

async function awaited(orderReference: Cid, until: 'committed' | 'released') {
  for (const limit = Date.now() + 90_000; ;) {
    const params = { orderReference, until, waitMs: 10_000 } as const;
    const progress = await rig.call(principal, p, 'principal.await-order', params);
    if (progress.state === until) return progress;
    if (Date.now() > limit) throw new Error(`not ${until} after 90 s: ${JSON.stringify(progress)}`);
  }
}

/** A connection whose requests meet with what a network and the death of a process do to them, and are told so at once. */
function lossy(transport: Transport): Transport {
  const request: Transport['request'] = async (subject, payload, options) => {
    const send = () => transport.request(subject, payload, options);
    const later = () => {
      const sent = delay(randomInt(2_000)).then(send);
      const over = sent.catch(() => undefined).finally(() => onTheirWay.delete(over));
      onTheirWay.add(over);
    };
    const timeout = () => new DtaError('timeout', 'lost on the way');
    network.sent++;
    await delay(randomInt(20));
    const [envelope = new Uint8Array()] = decodeBundle(payload).envelopes;
    const message = `${subject} ${cidOf(envelope)}`;
    const faults = left.get(message) ?? FAULTS_OF_A_MESSAGE; // more would but wait for longer and longer
    const dice = faults > 0 ? randomInt(100) : 100;
    if (dice < 55) left.set(message, faults - 1);
    if (dice < 10) {
      network.lost++;
      throw timeout();
    }
    if (dice < 30) {
      network.unanswered++;
      await send();
      throw timeout();
    }
    if (dice < 45) {
      network.late++;
      later();
      throw timeout();
    }
    if (dice < 55) {
      network.twice++;
      later();
    }
    return send();
  };
  return {
    kind: transport.kind,
    maxPayload: transport.maxPayload,
    request,
    serve: (...given) => transport.serve(...given),
    connected: () => transport.connected(),
    assertUsable: () => transport.assertUsable(),
    close: () => transport.close(),
  };
}
