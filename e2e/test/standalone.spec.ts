import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rename, rm, statfs, writeFile } from 'node:fs/promises';
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
  expect(output).not.toMatch(/D-TA is ready/);
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

  test.each<[string, string, string | null, RegExp]>([
    ["the database's version is gone", 'postgres/data/PG_VERSION', null, /postgres\/data is damaged/],
    ["the database's control file is cut", 'postgres/data/global/pg_control', 'x', /postgres.*pg_control/],
    ["the database's password is gone", 'postgres/password', null, /postgres\/password is gone/],
    ['a key file is cut', 'principal/identity.key', 'x', /principal\/identity\.key: not a key file/],
    ['a custody file is gone', 'fiduciary-2/custody.key', null, /fiduciary-2\/custody\.key is gone/],
    ['a custody file is damaged', 'beneficiary/custody.key', 'x', /beneficiary\/custody\.key is damaged/],
  ])('%s', async (_, name, instead, sentence) => {
    const [file, aside] = [join(folder, name), join(root, 'aside')];
    await rename(file, aside);
    if (instead !== null) await writeFile(file, instead, { mode: 0o600 });
    const ending = await failToStart('--port', '0', '--data', folder);
    await rename(aside, file);
    expectSentence(ending, sentence);
  });

  test("a role has another's key file", async () => {
    const [own, other] = [join(folder, 'fiduciary-2/identity.key'), join(folder, 'fiduciary-1/identity.key')];
    const aside = join(root, 'aside');
    await rename(own, aside);
    await copyFile(other, own);
    const ending = await failToStart('--port', '0', '--data', folder);
    await rename(aside, own);
    expectSentence(ending, /fiduciary-2\/identity\.key: custody does not open this/);
  });

  test('the folder is a file', async () => {
    const file = join(root, 'file');
    await writeFile(file, '');
    expectSentence(await failToStart('--port', '0', '--data', file), /cannot use .*file/);
  });

  test('and once the damage is repaired it starts', async () => {
    const { api } = await start(folder);
    await place(api);
  });

  test('the disk is full, at the first start and at a later one', async () => {
    const disk = join(root, 'disk');
    await mkdir(disk);
    const mount = promisify(execFile)('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=0711', 'tmpfs', disk]);
    const reason = await mount.then(
      () => undefined,
      (error: unknown) => String(error),
    );
    if (reason !== undefined)
      return console.log(`not tested, since no small disk can be mounted here: ${reason.trim()}`);
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
