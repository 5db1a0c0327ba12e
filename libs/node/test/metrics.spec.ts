import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { cidOf, type Cid } from '@dta/codec';
import { randomBytes } from '@dta/crypto';
import { createMonitor, type Monitor } from '@dta/service';
import { freshDatabase } from '@dta/testkit';
import { Module } from '@nestjs/common';
import pg from 'pg';
import {
  begin,
  commit,
  InternalInbox,
  NODE,
  NodeController,
  openNode,
  serveRole,
  type Node,
  type NodeOptions,
  type RunningRole,
} from '../src/index.js';
import { cast, codeOf, RoleRig, type Cast } from './testing/index.js';

/** A role that has nothing but what every role has. */
@Module({})
class Bare {
  static of(node: Node) {
    const providers = [
      { provide: NODE, useValue: node },
      { provide: InternalInbox, useValue: InternalInbox.of(node) },
    ];
    return { module: Bare, controllers: [NodeController], providers };
  }
}

let rig: RoleRig;
let members: Cast;
let options: NodeOptions;
let node: Node;
let monitor: Monitor;

beforeEach(async () => {
  rig = await RoleRig.open();
  members = await cast();
  options = await rig.prepare(members.f1, 'fiduciary', [members.p.identity]);
  monitor = createMonitor('fiduciary');
  await rig.start(async (given: NodeOptions, parts): Promise<RunningRole> => {
    node = await openNode(given, { ...parts, monitor });
    return serveRole(node, Bare.of(node), () => []);
  }, options);
});

afterEach(() => rig.close());

/** The value of one series, by its name and the labels that it must have; undefined where there is none. */
async function valueOf(name: string, labels: Record<string, string> = {}): Promise<number | undefined> {
  const text = await monitor.registry.metrics();
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const line = lines.find((candidate) => wanted.every((each) => candidate.includes(each)));
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

/** One order in `state` that owes a delivery and an envelope of the log. */
async function owe(state: string): Promise<Cid> {
  const ref = cidOf(randomBytes(16));
  const envelope = randomBytes(50);
  await commit(node.database, {
    order: {
      ref,
      version: null,
      state,
      beneficiary: null,
      createdAt: 1,
      dueAt: null,
      record: randomBytes(8),
      mac: randomBytes(32),
    },
    ...{ statements: [], secrets: [], erase: [], close: [], reply: null, settled: null, events: [], answers: [] },
    envelopes: [{ cid: cidOf(envelope), bytes: envelope, log: true }],
    deliveries: [{ envelope: cidOf(envelope), verb: 'commit', party: ref, role: 'beneficiary', attachments: [] }],
    ...{ lease: null, notify: false, idempotency: null, begun: begin(1), now: 1 },
  });
  return ref;
}

/** Ends all connections to a database, and lets nobody in any more. */
async function shutOut(url: string): Promise<void> {
  const elsewhere = await freshDatabase();
  const client = new pg.Client({ connectionString: elsewhere.url });
  await client.connect();
  const name = new URL(url).pathname.slice(1);
  await client.query(`ALTER DATABASE "${name}" WITH ALLOW_CONNECTIONS false`);
  await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
  await client.end();
  await elsewhere.drop();
}

const series = { role: 'fiduciary' };

test('count orders by state, and what is owed with the age of the oldest', async () => {
  const ref = await owe('committed');
  await owe('accepted');
  await owe('accepted');
  await node.database.query("UPDATE deliveries SET created_at = now() - interval '1 hour' WHERE order_ref = $1", [ref]);
  await node.database.query("UPDATE envelopes SET created_at = now() - interval '2 hours' WHERE order_ref = $1", [ref]);
  expect(await valueOf('dta_orders', { state: 'accepted', ...series, node: members.f1.identity.cid })).toBe(2);
  expect(await valueOf('dta_orders', { state: 'committed' })).toBe(1);
  expect(await valueOf('dta_deliveries_owed', { verb: 'commit' })).toBe(3);
  const [delivery, publication] = [
    await valueOf('dta_deliveries_oldest_seconds', { verb: 'commit' }),
    await valueOf('dta_publications_oldest_seconds'),
  ];
  expect(Math.round(Number(delivery) / 60)).toBe(60);
  expect(Math.round(Number(publication) / 60)).toBe(120);
  expect(await valueOf('dta_publications_owed')).toBe(3);
});

test('count no order of a state as zero, so that the first of it is a rise', async () => {
  for (const state of ['accepted', 'dealt', 'confirmed', 'committed', 'erased']) {
    expect([state, await valueOf('dta_orders', { state })]).toEqual([state, 0]);
  }
  expect(await valueOf('dta_orders', { state: 'failed' })).toBeUndefined(); // an order at a fiduciary never is
});

test('count a database at most once in five seconds, however often they are asked', async () => {
  expect(await valueOf('dta_publications_owed')).toBe(0);
  await owe('accepted');
  expect(await valueOf('dta_publications_owed')).toBe(0);
  expect(await valueOf('dta_deliveries_owed', { verb: 'commit' })).toBeUndefined();
});

test('lack what nobody knows while the database is away, and have the rest', async () => {
  await shutOut(options.database.url);
  expect(await valueOf('dta_orders', { state: 'accepted' })).toBeUndefined();
  expect(await valueOf('dta_publications_owed')).toBeUndefined();
  expect(await valueOf('dta_messages_in_work', { gate: 'work' })).toBe(0);
  expect(await valueOf('dta_part_up', { part: 'postgres' })).toBe(0);
  expect(await valueOf('dta_part_up', { part: 'custody' })).toBe(1);
  expect((await monitor.health.report()).parts).toMatchObject({
    ...{ process: 'up', memory: 'up', custody: 'up' },
    postgres: expect.stringMatching(/^away/),
  });
});

test('count calls of the gateway by what stands inside their seal', async () => {
  await rig.call(options, members.f1, 'status', {});
  await rig.call(options, members.f1, 'list-identities', { role: null });
  const unknown = { idDocumentCID: members.b.identity.cid };
  expect(await codeOf(rig.call(options, members.f1, 'get-identity', unknown))).toBe('identity_not_found');
  const stranger = { psk: randomBytes(32) };
  expect(await codeOf(rig.call(options, members.f1, 'list-identities', { role: null }, stranger))).not.toBe('answered');
  const count = (verb: string, code: string) =>
    valueOf('dta_request_duration_seconds_count', { kind: 'internal', verb, code });
  expect(await count('status', 'ok')).toBe(1);
  expect(await count('list-identities', 'ok')).toBe(1);
  expect(await count('get-identity', 'identity_not_found')).toBe(1);
  expect(await count('list-identities', 'unauthenticated')).toBe(1); // refused outside any seal
});

test('say how far the pool and the gates are used', async () => {
  await Promise.all(Array.from({ length: 12 }, () => node.database.query('SELECT pg_sleep(0.01)')));
  const slow = Array.from({ length: 7 }, () => node.database.query('SELECT pg_sleep(0.3)'));
  let release: () => void = () => undefined;
  const held = node.gate.run(() => new Promise<void>((resolve) => (release = resolve)));
  expect(await valueOf('dta_messages_in_work', { gate: 'work' })).toBe(1);
  expect(await valueOf('dta_messages_queued')).toBe(0);
  await Promise.all(slow);
  release();
  await held;
  expect(await valueOf('dta_messages_in_work', { gate: 'work' })).toBe(0);
  expect(await valueOf('dta_database_waiting')).toBe(0);
  const [busy, idle] = [
    await valueOf('dta_database_connections', { state: 'busy' }),
    await valueOf('dta_database_connections', { state: 'idle' }),
  ];
  expect(Number(busy) + Number(idle)).toBe(options.database.poolSize);
});

test('time what custody does, and count what it refuses', async () => {
  const { custody } = node;
  const sealed = await custody.seal('identity', new Uint8Array(), Uint8Array.of(1));
  await custody.open('identity', new Uint8Array(), sealed);
  expect(await codeOf(custody.open('identity', Uint8Array.of(9), sealed))).toBe('custody_invalid');
  expect(await codeOf(custody.seal('No Name', new Uint8Array(), sealed))).toBe('custody_invalid');
  const count = (operation: string, code: string) =>
    valueOf('dta_custody_operation_duration_seconds_count', { operation, code });
  expect(await count('seal', 'ok')).toBe(2); // the key of rows at the start
  expect(await count('open', 'ok')).toBe(3); // key file and key of rows at the start
  expect(await count('open', 'custody_invalid')).toBe(1);
  expect(await count('seal', 'custody_invalid')).toBe(1);
});

test('have labels of our own words alone, whatever a peer sends', async () => {
  for (const verb of ['accept', 'x'.repeat(100)]) {
    await codeOf(rig.request(members.f1.identity.cid, 'fiduciary', verb, randomBytes(40)));
  }
  await codeOf(rig.call(options, members.f1, 'get-identity', { idDocumentCID: cidOf(randomBytes(9)) }));
  const text = await monitor.registry.metrics();
  const labels = [...text.matchAll(/(\w+)="([^"]*)"/g)].filter(([, name]) => name !== 'node' && name !== 'le');
  expect(labels.length).toBeGreaterThan(20);
  for (const [, , value] of labels) expect(value).toMatch(/^[a-z_-]{2,30}$/);
});
