import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { decodeBundle, parseEnvelope } from '@dta/envelope';
import { startCluster, type AppProcess, type Cluster, type Operator, type RestApi } from '@dta/testkit';
import { setTimeout as delay } from 'node:timers/promises';
import { query, statementsOf } from '../src/databases.js';
import { recordNats, type NatsRecorder, type RecordedMessage } from '../src/nats-recorder.js';
import { begin, isPrivateKeyOf, place, redeem, until } from '../src/orders.js';

jest.setTimeout(300_000);

const leaseMs = 15_000;

let cluster: Cluster;
let operator: Operator;
let apis: RestApi[];

beforeAll(async () => {
  cluster = await startCluster({
    operators: [{ name: 'first', replicas: { gateway: 2, principal: 2, beneficiary: 2, fiduciary: 2 } }],
  });
  operator = cluster.operator('first');
  apis = [operator.api(0), operator.api(1)];
});

afterAll(() => cluster.stop());

/** The one or the other of a role's two processes. */
function replica(name: string, at: 0 | 1): AppProcess {
  const process = operator.member(name).processes[at];
  if (process === undefined) throw new Error(`${name} has no such replica`);
  return process;
}

function api(at: 0 | 1): RestApi {
  const found = apis[at];
  if (found === undefined) throw new Error('no such gateway');
  return found;
}

describe('two replicas of each role', () => {
  test('serve orders through both gateways, each order through whichever replica', async () => {
    const orders = await Promise.all(Array.from({ length: 8 }, (_, at) => place(api(at % 2 === 0 ? 0 : 1))));
    expect(new Set(orders.map(({ orderReference }) => orderReference)).size).toBe(8);
    await Promise.all(
      orders.map(async ({ orderReference, commitment }, at) => {
        const secret = await redeem(api(at % 2 === 0 ? 1 : 0), orderReference); // the other gateway
        expect(isPrivateKeyOf(secret, commitment)).toBe(true);
      }),
    );
  });

  test.each([0, 1] as const)('go on at once where one of each is killed: number %i', async (dead) => {
    let took = await without(dead);
    if (took >= 10_000) took = await without(dead); // a machine may sleep through one
    expect(took).toBeLessThan(10_000); // no lease of one that is gone was waited for
  });

  /** ms for a redemption, an order and its redemption, where one replica of each role is gone. */
  async function without(dead: 0 | 1): Promise<number> {
    const names = operator.members.map(({ name }) => name);
    const before = await place(api(1));
    await until(api(1), before.orderReference, ({ waitingFor }) => waitingFor.length === 0); // else a lease must end first
    await Promise.all(names.map((name) => replica(name, dead).kill9()));
    try {
      const begun = performance.now();
      expect(isPrivateKeyOf(await redeem(api(1), before.orderReference), before.commitment)).toBe(true);
      const after = await place(api(0));
      expect(isPrivateKeyOf(await redeem(api(0), after.orderReference), after.commitment)).toBe(true);
      return performance.now() - begun;
    } finally {
      await Promise.all(names.map((name) => replica(name, dead).restart()));
    }
  }
});

describe('two coordinators of one order repeat each other and no more', () => {
  const coordinators = () => [replica('principal', 0), replica('principal', 1)] as const;
  const silent = () => [replica('fiduciary-3', 0), replica('fiduciary-3', 1)];
  let recorder: NatsRecorder;

  beforeAll(async () => {
    recorder = await recordNats([operator.nats]);
  });

  afterAll(() => recorder.stop());

  afterEach(async () => {
    const [first, second] = coordinators();
    for (const process of [first, ...silent()]) process.resume();
    await second.restart();
  });

  /** An order that the first drives alone, and that waits for the third fiduciary. */
  async function inTheMiddle(): Promise<string> {
    const ref = await begin(api(0));
    await until(
      api(0),
      ref,
      ({ state, fiduciaries }) => state === 'enrolled' && fiduciaries.some((f) => f.state === 'accepted'),
    );
    return ref;
  }

  async function holderOfOne(ref: string): Promise<string> {
    for (const limit = Date.now() + 60_000; Date.now() < limit; await delay(50)) {
      const holder = await holderOf(ref);
      if (holder !== undefined) return holder;
    }
    throw new Error('nobody drives the order');
  }

  async function untilOtherHolder(ref: string, holder: string, limitMs: number): Promise<void> {
    const isOther = (now: string | undefined) => now !== undefined && now !== holder;
    for (const limit = Date.now() + limitMs; !isOther(await holderOf(ref)); await delay(50)) {
      if (Date.now() > limit) throw new Error('nobody took the order over');
    }
  }

  async function expectOneOfEach(ref: string): Promise<void> {
    const { state, commitment, timeline } = await until(api(0), ref, (order) => order.state === 'committed', 60_000);
    expect(state).toBe('committed');
    const secret = await redeem(api(1), ref);
    expect(isPrivateKeyOf(secret, String(commitment))).toBe(true);
    const released = await until(api(0), ref, ({ waitingFor }) => waitingFor.length === 0);
    expect(released.commitment).toBe(commitment);
    expect(timeline.map(({ event }) => event)).toEqual(['requested', 'enrolled', 'dealing', 'committed']);

    const third = operator.member('fiduciary-3'); // the Receipt may come before the Redemption that it still has in work
    for (const limit = Date.now() + 60_000; Date.now() < limit; await delay(50))
      if ((await statementsOf(third, ref))['redemption'] !== undefined) break;
    const certificates = new Set<string>();
    for (const member of operator.members) {
      const kept = await statementsOf(member, ref);
      for (const type of ['request', 'manifest', 'commitment', 'redemption']) {
        expect([member.name, type, kept[type]?.length]).toEqual([member.name, type, 1]);
      }
      certificates.add(String(kept['commitment']));
      const [row] = await query<{ state: string }>(member, 'SELECT state FROM orders WHERE ref = $1', [ref]);
      expect(row?.state).toBe({ principal: 'released', beneficiary: 'held', fiduciary: 'committed' }[member.role]);
    }
    expect(certificates.size).toBe(1);

    const sent = sentFor(ref, recorder.messages);
    const verbs = ['accept', 'commit', 'confirm', 'deal', 'enrol', 'manifest', 'receipt', 'redeem', 'release'];
    expect([...new Set(sent.map(({ verb }) => verb))].sort()).toEqual(verbs);
    for (const verb of verbs) {
      const envelopes = new Set(sent.filter((message) => message.verb === verb).map(({ envelope }) => envelope));
      expect([verb, envelopes.size]).toEqual([verb, 1]); // whoever sent it, and however often
    }
    expect(new Set(sent.map(({ from }) => from)).size).toBe(2);
  }

  test('where the first sleeps beyond its lease, and then goes on', async () => {
    const [first, second] = coordinators();
    await second.stop(); // so it is the first that takes the order
    for (const process of silent()) process.pause();
    const ref = await inTheMiddle();
    const holder = await holderOfOne(ref);
    first.pause();
    await second.restart();
    await untilOtherHolder(ref, holder, leaseMs + 30_000);
    first.resume();
    for (const process of silent()) process.resume();
    await expectOneOfEach(ref);
  });

  test('where both are awake: the first believes in a lease that it has lost', async () => {
    const [, second] = coordinators();
    await second.stop();
    for (const process of silent()) process.pause();
    const refs = await Promise.all(Array.from({ length: 4 }, inTheMiddle));
    const holder = await holderOfOne(String(refs[0]));
    await second.restart();
    const takeAway = () =>
      query(operator.member('principal'), "UPDATE leases SET until = now() - interval '1 second' WHERE holder = $1", [
        holder,
      ]);
    let isTaken = false;
    const taking = async () => {
      for (; !isTaken; await delay(200)) await takeAway(); // the first renews it as long as nobody else has it
    };
    const taken = Promise.all(refs.map((ref) => untilOtherHolder(ref, holder, 40_000))).finally(() => (isTaken = true));
    await Promise.all([taken, taking()]);
    for (const process of silent()) process.resume();
    for (const ref of refs) await expectOneOfEach(ref);
  });
});

async function holderOf(ref: string): Promise<string | undefined> {
  const principal = operator.member('principal');
  const rows = await query<{ holder: string }>(principal, 'SELECT holder FROM leases WHERE order_ref = $1', [ref]);
  return rows[0]?.holder;
}

/** A message to another node. */
interface Sent {
  readonly verb: string;
  /** CID of its first envelope */
  readonly envelope: string;
  /** the inbox of the process that sent it */
  readonly from: string;
}

function sentFor(orderReference: string, messages: readonly RecordedMessage[]): Sent[] {
  return messages.flatMap(({ subject, reply, payload }) => {
    const [, verb] = /^dta\.v1\.[^.]+\.[^.]+\.([a-z]+)$/.exec(subject) ?? [];
    if (verb === undefined) return [];
    const [bytes = new Uint8Array()] = decodeBundle(payload).envelopes;
    const { cid, header } = parseEnvelope(bytes);
    return header.order === orderReference ? [{ verb, envelope: cid, from: reply.split('.', 2).join('.') }] : [];
  });
}
