import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dta, freshToken, startKuboSwarm } from '@dta/testkit';
import { setTimeout as delay } from 'node:timers/promises';
import { canMountSmallDisk, mountSmallDisk } from '../src/small-disk.js';
import { begin, detail, isPrivateKeyOf, place, redeem, until } from '../src/orders.js';
import {
  failToStart,
  processesAt,
  startStandalone,
  startStandaloneWith,
  type StandaloneProcess,
} from '../src/standalone.js';

jest.setTimeout(300_000);

// skipped where this user can mount none
const onSmallDisk = (await canMountSmallDisk()) ? test : test.skip;
let root: string;
let running: StandaloneProcess[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'dta-standalone-'));
});

afterEach(async () => {
  for (const node of running) await node.end('SIGTERM'); // one that has ended hears nothing
  running = [];
  expect(await processesAt(root)).toEqual([]);
});

afterAll(() => rm(root, { recursive: true, force: true }));

async function start(folder: string, ...args: string[]): Promise<StandaloneProcess> {
  const node = await startStandalone('--port', '0', '--data', folder, ...args);
  running.push(node);
  return node;
}

describe('a standalone node that is started again', () => {
  test.each([
    ['Ctrl-C', (node: StandaloneProcess) => node.ctrlC()],
    ['SIGTERM', (node: StandaloneProcess) => node.end('SIGTERM')],
  ])('goes on where %s ended it, and nothing was left behind', async (_, end) => {
    const folder = await mkdtemp(join(root, 'again-'));
    const before = await start(folder);
    const { orderReference, commitment } = await place(before.api);
    const ending = await end(before);
    expect(ending).toMatchObject({ status: 0, errors: '' });
    expect(await processesAt(folder)).toEqual([]);

    const { api } = await start(folder);
    expect(await detail(api, orderReference)).toMatchObject({ state: 'committed', commitment });
    expect(isPrivateKeyOf(await redeem(api, orderReference), commitment)).toBe(true);
  });

  test('goes on where kill -9 ended it in the middle of orders', async () => {
    const folder = await mkdtemp(join(root, 'killed-'));
    const before = await start(folder);
    const committed = await place(before.api);
    const begun = await Promise.all([begin(before.api), begin(before.api), begin(before.api)]);
    await before.end('SIGKILL');
    for (const limit = Date.now() + 30_000; (await processesAt(folder)).length > 0 && Date.now() < limit;)
      await delay(50);
    expect(await processesAt(folder)).toEqual([]); // its database server ends with it

    const { api } = await start(folder);
    expect(isPrivateKeyOf(await redeem(api, committed.orderReference), committed.commitment)).toBe(true);
    for (const orderReference of begun) {
      const { commitment } = await until(api, orderReference, ({ state }) => state === 'committed', 60_000);
      expect(isPrivateKeyOf(await redeem(api, orderReference), String(commitment))).toBe(true);
    }
  });

  test('leaves no database server behind where a second signal ended it at once', async () => {
    const folder = await mkdtemp(join(root, 'twice-'));
    const before = await start(folder);
    const { orderReference } = await place(before.api);
    void before.ctrlC(); // two of a kind might become one
    const { status } = await before.end('SIGTERM');
    expect([128 + 2, 128 + 15]).toContain(status); // signals sent at once come in either order
    for (const limit = Date.now() + 30_000; (await processesAt(folder)).length > 0 && Date.now() < limit;)
      await delay(50);
    expect(await processesAt(folder)).toEqual([]);

    const { api } = await start(folder);
    expect(await detail(api, orderReference)).toMatchObject({ state: 'committed' });
  });

  test('may have more fiduciaries than before; an order keeps those it has', async () => {
    const folder = await mkdtemp(join(root, 'more-'));
    const alone = await start(folder, '--fiduciaries', '1');
    const one = await place(alone.api);
    expect((await detail(alone.api, one.orderReference)).fiduciaries).toHaveLength(1);
    await alone.end('SIGTERM');

    const { api } = await start(folder, '--fiduciaries', '5');
    expect(isPrivateKeyOf(await redeem(api, one.orderReference), one.commitment)).toBe(true);
    const five = await place(api);
    expect((await detail(api, five.orderReference)).fiduciaries).toHaveLength(5);
    expect(isPrivateKeyOf(await redeem(api, five.orderReference), five.commitment)).toBe(true);
  });
});

test('a database server that dies under it comes back, and so does the node', async () => {
  const folder = await mkdtemp(join(root, 'dies-'));
  const node = await start(folder);
  const { orderReference, commitment } = await place(node.api);
  const [pid] = (await readFile(join(folder, 'postgres', 'data', 'postmaster.pid'), 'utf8')).split('\n');
  process.kill(Number(pid), 'SIGKILL');
  for (const limit = Date.now() + 60_000; !node.output().includes('PostgreSQL is back') && Date.now() < limit;)
    await delay(50);
  await readyWith(node, 200);
  expect(isPrivateKeyOf(await redeem(node.api, orderReference), commitment)).toBe(true);
  const later = await place(node.api);
  expect(isPrivateKeyOf(await redeem(node.api, later.orderReference), later.commitment)).toBe(true);
});

onSmallDisk(
  'a disk that fills up while it runs refuses orders, loses none that was taken, and is no trouble once it has room',
  async () => {
    const disk = await mountSmallDisk(join(root, 'disk'), 400);
    try {
      const node = await start(join(disk.folder, 'node'));
      const { orderReference, commitment } = await place(node.api);
      expect(await readiness(node)).toMatchObject({ status: 200, body: { degraded: {} } });
      await disk.fill();
      const full = 'not ready: postgres away (service_unavailable: SQLSTATE 53100)';
      await readyWith(node, 503);
      expect((await readiness(node)).body).toMatchObject({ ready: false, parts: { principal: full } });
      const taken: string[] = [];
      const order = () => node.api.post('/v1/order', {});
      let answer = await order();
      for (; answer.status === 202; answer = await order()) taken.push(String(answer.body?.['orderReference']));
      expect([answer.status, answer.body?.['code']]).toEqual([503, 'service_unavailable']);

      await disk.clear();
      await readyWith(node, 200);
      for (const reference of taken) await until(node.api, reference, ({ state }) => state === 'committed', 60_000);
      expect(isPrivateKeyOf(await redeem(node.api, orderReference), commitment)).toBe(true);
      const later = await place(node.api);
      expect(isPrivateKeyOf(await redeem(node.api, later.orderReference), later.commitment)).toBe(true);
    } finally {
      for (const node of running) await node.end('SIGTERM');
      await disk.unmount();
    }
  },
);

const readiness = (node: StandaloneProcess) => node.api.get('/health/ready');

/** What a part said holds for a second, so a change shows a little later. */
async function readyWith(node: StandaloneProcess, status: number): Promise<void> {
  for (const limit = Date.now() + 30_000; (await readiness(node)).status !== status; await delay(100)) {
    if (Date.now() > limit) throw new Error(`its readiness is ${JSON.stringify(await readiness(node))}`);
  }
}

test('a standalone node stands on a PKCS#11 module and a Kubo node, by a flag each', async () => {
  const folder = await mkdtemp(join(root, 'parts-'));
  const token = await freshToken();
  const swarm = await startKuboSwarm(1);
  try {
    const [url = ''] = swarm.nodes.map((node) => node.url);
    const environment = { ...token.environment, CUSTODY_PKCS11_TOKEN: token.token, CUSTODY_PKCS11_PIN: token.pin };
    const args = ['--port', '0', '--data', folder, '--pkcs11', token.module, '--kubo', url];
    const before = await startStandaloneWith(environment, ...args);
    running.push(before);
    const { orderReference, commitment } = await place(before.api);
    await before.end('SIGTERM');

    const again = await startStandaloneWith(environment, ...args);
    running.push(again);
    expect(isPrivateKeyOf(await redeem(again.api, orderReference), commitment)).toBe(true);
    const published = async () => (await detail(again.api, orderReference)).envelopes.every((one) => one.published);
    for (const limit = Date.now() + 30_000; !(await published()) && Date.now() < limit;) await delay(100);
    expect(await published()).toBe(true);
    expect(await dta(['verify-log', '--url', again.api.url, '--kubo', url])).toMatch(/sound/);
    expect(await readdir(folder)).not.toContain('log');
    expect(await readdir(join(folder, 'fiduciary-1'))).toEqual(['identity.key']); // no key of custody in a file
    await again.end('SIGTERM');

    expect((await failToStart('--port', '0', '--data', folder)).errors).toMatch(/the log of .* is in Kubo/);
  } finally {
    await swarm.stop();
  }
});
