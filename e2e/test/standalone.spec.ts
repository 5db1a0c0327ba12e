import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { begin, detail, isPrivateKeyOf, place, redeem, until } from '../src/orders.js';
import { processesAt, startStandalone, type StandaloneProcess } from '../src/standalone.js';

jest.setTimeout(120_000);

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

    const { api } = await start(folder);
    expect(isPrivateKeyOf(await redeem(api, committed.orderReference), committed.commitment)).toBe(true);
    for (const orderReference of begun) {
      const { commitment } = await until(api, orderReference, ({ state }) => state === 'committed', 60_000);
      expect(isPrivateKeyOf(await redeem(api, orderReference), String(commitment))).toBe(true);
    }
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
