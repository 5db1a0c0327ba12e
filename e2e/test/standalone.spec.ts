import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rename, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { begin, detail, isPrivateKeyOf, place, redeem, until } from '../src/orders.js';
import { failToStart, processesAt, startStandalone, type Ending, type StandaloneProcess } from '../src/standalone.js';

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

/** One sentence on standard error, exit status 1, and nothing that looks like a crash. */
function expectSentence({ status, errors, output }: Ending, sentence: RegExp): void {
  expect(errors.trim().split('\n')).toHaveLength(1);
  expect(errors).toMatch(sentence);
  expect(errors.length).toBeLessThan(400);
  expect(output).not.toMatch(/ready/);
  expect(status).toBe(1);
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

describe('what keeps a standalone node from starting is said in one sentence:', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(root, 'refused-'));
    await (await startStandalone('--port', '0', '--data', folder)).end('SIGTERM');
  });

  /** Starts at a copy of the folder that `damage` was done to. */
  async function startDamaged(damage: (copy: string) => Promise<unknown>): Promise<Ending> {
    const copy = join(root, 'damaged');
    await cp(folder, copy, { recursive: true, preserveTimestamps: true });
    await promisify(execFile)('chown', ['-R', '--reference', join(folder, 'postgres'), join(copy, 'postgres')]);
    try {
      await damage(copy);
      return await failToStart('--port', '0', '--data', copy);
    } finally {
      await rm(copy, { recursive: true });
    }
  }

  test('the port is in use', async () => {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo; // of TCP, as it listens
    try {
      expectSentence(await failToStart('--port', String(port), '--data', folder), new RegExp(`${port}.* in use`));
    } finally {
      server.close();
    }
  });

  test('the folder is in use by a running node', async () => {
    const { api } = await start(folder);
    expectSentence(await failToStart('--port', '0', '--data', folder), /in use by another running node/);
    expect((await api.get('/v1/status')).status).toBe(200);
  });

  test.each<[string, (copy: string) => Promise<unknown>, RegExp]>([
    ["the database's version is gone", (copy) => rm(join(copy, 'postgres/data/PG_VERSION')), /damaged/],
    ["the database's control file is cut", (copy) => truncate(join(copy, 'postgres/data/global/pg_control'), 10), /pg_control/],
    ["the database's password is gone", (copy) => rm(join(copy, 'postgres/password')), /password/],
    ['a key file is cut', (copy) => truncate(join(copy, 'principal/identity.key'), 50), /key file/],
    ['a custody file is gone', (copy) => rm(join(copy, 'fiduciary-2/custody.key')), /fiduciary-2/],
    ['a custody file is damaged', (copy) => writeFile(join(copy, 'beneficiary/custody.key'), 'x'), /custody\.key is damaged/],
    [
      "a role has another's key file",
      (copy) => cp(join(copy, 'fiduciary-1/identity.key'), join(copy, 'fiduciary-2/identity.key')),
      /identity\.key|custody/,
    ],
    [
      'the folder is no folder',
      async (copy) => {
        await rename(copy, `${copy}-aside`);
        await writeFile(copy, '');
        await rm(`${copy}-aside`, { recursive: true });
      },
      /cannot use/,
    ],
  ])('%s', async (_, damage, sentence) => {
    expectSentence(await startDamaged(damage), sentence);
  });

  test('the disk is full, at the first start and at a later one', async () => {
    const disk = join(root, 'disk');
    await mkdir(disk);
    const mount = promisify(execFile)('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=0711', 'tmpfs', disk]);
    const reason = await mount.then(
      () => undefined,
      (error: unknown) => String(error),
    );
    if (reason !== undefined) return console.log(`not tested, since no small disk can be mounted here: ${reason.trim()}`);
    try {
      expectSentence(await failToStart('--port', '0', '--data', join(disk, 'new')), /full/);

      await promisify(execFile)('mount', ['-o', 'remount,size=400m', disk]);
      await (await startStandalone('--port', '0', '--data', join(disk, 'node'))).end('SIGTERM');
      const { bavail, bsize } = await statfs(disk);
      await writeFile(join(disk, 'rest'), Buffer.alloc(bavail * bsize));
      expectSentence(await failToStart('--port', '0', '--data', join(disk, 'node')), /full/);

      await rm(join(disk, 'rest'));
      const node = await startStandalone('--port', '0', '--data', join(disk, 'node'));
      await place(node.api);
      await node.end('SIGTERM');
    } finally {
      await promisify(execFile)('umount', [disk]);
    }
  });
});
