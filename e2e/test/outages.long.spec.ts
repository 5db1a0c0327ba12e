// budget: 600 s
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@dta/postgres';
import {
  startCluster,
  startNatsServer,
  startRelay,
  type Cluster,
  type NatsServer,
  type Operator,
  type Relay,
  type RestAnswer,
} from '@dta/testkit';
import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isPrivateKeyOf, redeem, until } from '../src/orders.js';

// NATS and PostgreSQL go away under load and come back. (Kubo: publication.spec.ts. An HSM: hsm.spec.ts.)
jest.setTimeout(300_000);

const CLIENTS = 4;
const AWAY_MS = 8_000;
const settings = { max_connections: '300', fsync: 'off', full_page_writes: 'off' };

let folder: string;
let postgres: EmbeddedPostgres;
let relay: Relay;
let nats: NatsServer;
let cluster: Cluster | undefined;
let operator: Operator;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-outages-'));
  await chmod(folder, 0o755); // the database server may run as another user
  postgres = await startPostgres();
  relay = await startRelay(postgres.port);
  nats = await startNatsServer();
  const url = new URL(postgres.url('postgres'));
  url.port = String(relay.port);
  cluster = await startCluster({ postgresUrl: url.href, natsUrl: nats.url });
  operator = cluster.operator('first');
});

afterAll(async () => {
  relay?.connectTo(postgres.port);
  await cluster?.stop();
  await relay?.stop();
  await nats?.stop();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

const startPostgres = () => startEmbeddedPostgres({ directory: join(folder, 'postgres'), settings });

/** What clients saw of their orders: the references that they were told, and why there were none. */
interface Seen {
  readonly acknowledged: Set<string>;
  readonly refusals: Map<string, number>;
  /** the last of the refusals, and the first of the acknowledgements after it; ms of this process */
  refusedAt: number;
  recoveredAt: number;
}

/** Clients that order again and again while `outage` happens, and until each has been answered after it. */
async function orderDuring(outage: () => Promise<void>): Promise<Seen> {
  const seen: Seen = { acknowledged: new Set(), refusals: new Map(), refusedAt: 0, recoveredAt: 0 };
  let isOver = false;
  const client = async () => {
    for (let served = false; !isOver || !served;) {
      const key = randomUUID();
      served = await persistently(key, seen);
    }
  };
  const clients = Promise.all(Array.from({ length: CLIENTS }, client));
  await delay(2_000); // orders are under way in all their states
  await outage();
  isOver = true;
  const back = performance.now();
  await clients;
  seen.recoveredAt = performance.now() - back;
  return seen;
}

/** Asks with one key until the order is acknowledged. */
async function persistently(key: string, seen: Seen): Promise<boolean> {
  for (const limit = Date.now() + 90_000; ; await delay(200)) {
    const answer: RestAnswer = await operator.api().post('/v1/order', { wait: 5 }, { 'idempotency-key': key });
    if (answer.status === 200 || answer.status === 202) {
      seen.acknowledged.add(String(answer.body?.['orderReference']));
      return true;
    }
    const code = `${answer.status} ${String(answer.body?.['code'])}`;
    seen.refusals.set(code, (seen.refusals.get(code) ?? 0) + 1);
    if (Date.now() > limit) throw new Error(`no order for 90 s: ${code}`);
  }
}

/** Every acknowledged order ends right, and nobody's order was placed twice. */
async function expectNothingLost(what: string, { acknowledged, refusals, recoveredAt }: Seen): Promise<void> {
  const why = [...refusals].map(([code, times]) => `${times} × ${code}`).join(', ') || 'none';
  console.log(
    `${what}: ${acknowledged.size} orders acknowledged; refusals: ${why}; all clients served ${Math.round(recoveredAt)} ms after`,
  );
  expect(acknowledged.size).toBeGreaterThan(CLIENTS);
  for (const code of refusals.keys()) expect(code).toMatch(/^(503 (service_unavailable|busy)|504 timeout)$/);
  expect(recoveredAt).toBeLessThan(45_000);
  for (const orderReference of acknowledged) {
    const { commitment } = await until(operator.api(), orderReference, ({ state }) => state === 'committed', 90_000);
    expect(isPrivateKeyOf(await redeem(operator.api(), orderReference, 60), String(commitment))).toBe(true);
  }
  const { body } = await operator.api().get('/v1/order?perPage=1000');
  const listed = (body?.['orderReference'] ?? []) as string[]; // as the API's schema has it
  for (const orderReference of listed) known.add(orderReference);
  expect([...acknowledged].filter((orderReference) => !known.has(orderReference))).toEqual([]);
  all.push(...acknowledged);
  expect(known.size).toBe(new Set(all).size); // an order that nobody was told of would be one placed twice
}

const known = new Set<string>();
const all: string[] = [];

test('NATS is killed and comes back', async () => {
  const seen = await orderDuring(async () => {
    await nats.kill();
    await delay(AWAY_MS);
    nats = await startNatsServer({ port: nats.port });
  });
  expect(seen.refusals.size).toBeGreaterThan(0);
  await expectNothingLost('NATS away', seen);
});

test('PostgreSQL is killed and comes back', async () => {
  const seen = await orderDuring(async () => {
    process.kill(postgres.pid, 'SIGKILL');
    relay.cut();
    await delay(AWAY_MS);
    await postgres.stop();
    postgres = await startPostgres();
    relay.connectTo(postgres.port);
  });
  expect(seen.refusals.size).toBeGreaterThan(0);
  await expectNothingLost('PostgreSQL killed', seen);
});

test('PostgreSQL hangs: its connections stay open and say nothing, and then it is another machine', async () => {
  const seen = await orderDuring(async () => {
    relay.hang();
    await delay(2 * AWAY_MS);
    relay.connectTo(postgres.port); // for new connections
  });
  expect(seen.refusals.size).toBeGreaterThan(0);
  await expectNothingLost('PostgreSQL hanging', seen);
});
