import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createMonitor, type HealthReport, type Monitor } from '@dta/service';
import { startNatsServer } from '@dta/testkit';
import { connectNats, type Transport } from '@dta/transport';
import pg from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import { openNode, type Node, type NodeOptions } from '../src/index.js';
import { cast, RoleRig, type Cast } from './testing/index.js';

let rig: RoleRig;
let members: Cast;
let options: NodeOptions;
let monitor: Monitor;
let node: Node | undefined;

beforeEach(async () => {
  rig = await RoleRig.open();
  members = await cast();
  options = await rig.prepare(members.f1, 'fiduciary', [members.p.identity]);
  monitor = createMonitor('fiduciary');
});

afterEach(async () => {
  await node?.close();
  node = undefined;
  await rig.close();
});

async function open(transport?: Transport, now?: () => number): Promise<Node> {
  const parts = { ...(transport !== undefined && { transport }), ...(now !== undefined && { now }) };
  node = await openNode(options, { ...rig.parts(), monitor, ...parts });
  monitor.health.started();
  return node;
}

/** What a part said holds for a second, so a change shows a little later. */
async function reportWith(holds: (report: HealthReport) => boolean): Promise<HealthReport> {
  for (const limit = Date.now() + 30_000; ; await delay(50)) {
    const report = await monitor.health.report();
    if (holds(report)) return report;
    if (Date.now() > limit) throw new Error(`it did not come about: ${JSON.stringify(report)}`);
  }
}

/** Makes new connections to the database read only, or not, and ends those that there are. */
async function readOnly(on: boolean): Promise<void> {
  const client = new pg.Client({ connectionString: options.database.url });
  await client.connect();
  const name = new URL(options.database.url).pathname.slice(1);
  await client.query('SET default_transaction_read_only = off');
  await client.query(`ALTER DATABASE "${name}" SET default_transaction_read_only = ${on ? 'on' : 'off'}`);
  await client.query(
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()',
    [name],
  );
  await client.end();
}

test('a role whose database takes no rows is not ready, though the database answers', async () => {
  const { database } = await open();
  expect(await reportWith(({ ready }) => ready)).toMatchObject({ parts: { postgres: 'up', identity: 'up' } });
  await readOnly(true);
  const { parts } = await reportWith(({ ready }) => !ready);
  await reportWith((report) => report.parts['postgres'] === 'away (service_unavailable: SQLSTATE 25006)');
  expect(parts).toMatchObject({ process: 'up', custody: 'up', identity: 'up' });
  expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  await readOnly(false);
  await reportWith(({ ready }) => ready);
});

test('what is written to see whether rows are taken is gone again', async () => {
  const { database } = await open();
  await Promise.all(Array.from({ length: 20 }, () => database.assertWritable()));
  expect(await database.query('SELECT count(*)::integer AS calls FROM internal_calls')).toEqual([{ calls: 0 }]);
});

test('a role whose NATS server takes smaller messages than before is not ready', async () => {
  const server = await startNatsServer();
  const transport = await connectNats({ servers: [server.url], minPayload: 1024 * 1024 });
  await open(transport);
  await reportWith(({ ready }) => ready);
  await server.kill();
  const small = await startNatsServer({ port: server.port, maxPayload: 64 * 1024 });
  try {
    const reason = 'away (service_unavailable: max_payload 65536, needed 1048576)';
    const report = await reportWith(({ parts }) => parts['nats'] === reason);
    expect(report.ready).toBe(false);
  } finally {
    await transport.close();
    await small.kill();
  }
});

test('a role whose identity may say nothing more is not ready', async () => {
  const { admission } = await open();
  await reportWith(({ ready }) => ready);
  admission.directory.revoke(members.f1.identity.cid);
  const report = await reportWith(({ ready }) => !ready);
  expect(report.parts).toMatchObject({ identity: 'away (identity_frozen)', postgres: 'up' });
});

test('a role that can sign nothing, since its clock and its database differ, is not ready; one whose clock is unsteady is', async () => {
  let ahead = 0;
  const { clock, database } = await open(undefined, () => Date.now() + ahead);
  await reportWith(({ ready }) => ready);
  ahead = 150_000;
  expect(() => clock.assertAgrees()).toThrow('150 s ahead');
  const skewed = await reportWith(({ ready }) => !ready);
  expect(skewed.parts).toMatchObject({ identity: 'away (clock_skewed)', postgres: 'up', custody: 'up' });
  const told = await reportWith(({ degraded }) => 'clock' in degraded);
  expect(told.degraded['clock']).toContain('150 s ahead of its database');
  ahead = 0;
  await reportWith(({ ready }) => ready);
  await database.query('UPDATE clock SET seen = 1, steady_since = 1'); // as after a long stop
  await clock.look();
  expect(clock.doubt?.kind).toBe('unsteady');
  const unsteady = await reportWith(({ degraded }) => degraded['clock']?.includes('settling') ?? false);
  expect(unsteady.ready).toBe(true);
  expect(unsteady.parts).toMatchObject({ identity: 'up' });
});
