import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { dta } from '@dta/testkit';
import { copyFile, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { place } from '../src/orders.js';
import { canMountSmallDisk, mountSmallDisk } from '../src/small-disk.js';
import { failToStart, processesAt, signalStart, startStandalone, type Ending } from '../src/standalone.js';

jest.setTimeout(300_000);

// What keeps a standalone node from starting is said in one sentence, with exit status 1, and nothing is left running.

// skipped where this user can mount none
const onSmallDisk = (await canMountSmallDisk()) ? test : test.skip;
let root: string;
/** Of a node that was started and stopped before. */
let folder: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'dta-standalone-'));
  folder = join(root, 'node');
  await (await startStandalone('--port', '0', '--data', folder)).end('SIGTERM');
});

afterEach(async () => {
  expect(await processesAt(root)).toEqual([]);
});

afterAll(() => rm(root, { recursive: true, force: true }));

/** One sentence on standard error, exit status 1, and nothing that looks like a crash. */
function expectSentence({ status, errors, output }: Ending, sentence: RegExp, exitStatus = 1): void {
  expect(errors.trim().split('\n')).toHaveLength(1);
  expect(errors).toMatch(sentence);
  expect(errors.length).toBeLessThan(400);
  expect(output).not.toMatch(/D-TA is ready/);
  expect(status).toBe(exitStatus);
}

test('whatever the umask, nobody else can write who is admitted, or anything else in its folder', async () => {
  const before = process.umask(0);
  const open = join(root, 'open');
  try {
    await (await startStandalone('--port', '0', '--data', open)).end('SIGTERM');
  } finally {
    process.umask(before);
  }
  expect((await stat(join(open, 'admitted'))).mode & 0o777).toBe(0o700);
  for (const name of await readdir(open))
    expect([name, (await stat(join(open, name))).mode & 0o022]).toEqual([name, 0]);
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
  const node = await startStandalone('--port', '0', '--data', folder);
  const second = await failToStart('--port', '0', '--data', folder);
  const { status } = await node.api.get('/v1/status');
  await node.end('SIGTERM');
  expectSentence(second, /in use by another running node/);
  expect(status).toBe(200);
});

test.each<[string, string, string | null, RegExp]>([
  ['the database is gone', 'postgres/data', null, /postgres\/data is gone/],
  ["the database's version is gone", 'postgres/data/PG_VERSION', null, /postgres\/data is damaged/],
  ["the database's control file is cut", 'postgres/data/global/pg_control', 'x', /postgres.*pg_control/],
  ["the database's password is gone", 'postgres/password', null, /postgres\/password is gone/],
  ['a key file is cut', 'principal/identity.key', 'x', /principal\/identity\.key: not a key file/],
  ['a key file is gone', 'fiduciary-1/identity.key', null, /fiduciary-1\/identity\.key is gone/],
  ['a custody file is gone', 'fiduciary-2/custody.key', null, /fiduciary-2\/custody\.key is gone/],
  ["the principal's custody file is gone", 'principal/custody.key', null, /principal\/custody\.key is gone/],
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

test('the log is begun in files and asked to go on in Kubo', async () => {
  const ending = await failToStart('--port', '0', '--data', folder, '--kubo', 'http://127.0.0.1:1');
  expectSentence(ending, /the log of .* is in its files: start it without --kubo/);
});

test('a password stands in the address of the Kubo node, where every user of the machine reads it', async () => {
  const { status, errors } = await failToStart(
    '--port',
    '0',
    '--data',
    folder,
    '--kubo',
    'http://role:word@127.0.0.1:1',
  );
  expect(status).toBe(78);
  expect(errors).toMatch(/--kubo takes .* without a password/);
  expect(errors).not.toContain('word@');
});

test('the folder is a file', async () => {
  const file = join(root, 'file');
  await writeFile(file, '');
  expectSentence(await failToStart('--port', '0', '--data', file), /cannot use .*file/, 78);
});

test('and once the damage is repaired it starts', async () => {
  const node = await startStandalone('--port', '0', '--data', folder);
  await place(node.api);
  await node.end('SIGTERM');
});

describe('with an identity that was revoked', () => {
  /** Ends a member's identity at a running node of this folder, and then the node. */
  async function revoke(at: string, name: string): Promise<void> {
    const node = await startStandalone('--port', '0', '--data', at);
    const file = join(at, 'revocation');
    await dta([
      ...['identity', 'revoke', '--reason', 'given up', '--revocation', file],
      ...['--key-file', join(at, name, 'identity.key'), '--custody-software', join(at, name, 'custody.key')],
    ]);
    const document = (await readFile(file)).toString('base64');
    const { status } = await node.api.post('/v1/identity', { document });
    await node.end('SIGTERM');
    expect(status).toBe(200);
  }

  test('a fiduciary is named, and the node starts without it', async () => {
    const at = join(root, 'one-less');
    await revoke(at, 'fiduciary-3');
    const node = await startStandalone('--port', '0', '--data', at);
    expect(node.output()).toContain('not ready: fiduciary-3 (identity away (identity_frozen))');
    expect((await node.api.get('/health/ready')).status).toBe(200);
    expect(await node.end('SIGTERM')).toMatchObject({ status: 0, errors: '' });
  });

  test('the principal is waited for, until a signal ends the start in order', async () => {
    const at = join(root, 'none');
    await revoke(at, 'principal');
    const { status, output, errors } = await signalStart(
      'SIGTERM',
      /not ready: principal/,
      '--port',
      '0',
      '--data',
      at,
    );
    expect([status, errors]).toEqual([0, '']);
    expect(output).toMatch(/stopping\n[^]*stopped\n$/);
    expect(output).not.toContain('D-TA is ready');
  });
});

onSmallDisk('the disk is full, at the first start and at a later one', async () => {
  const disk = await mountSmallDisk(join(root, 'disk'), 24);
  try {
    expectSentence(await failToStart('--port', '0', '--data', join(disk.folder, 'new')), /full/);

    await disk.resize(400);
    const data = join(disk.folder, 'node');
    await (await startStandalone('--port', '0', '--data', data)).end('SIGTERM');
    await disk.fill();
    expectSentence(await failToStart('--port', '0', '--data', data), /full/);

    await disk.clear();
    const node = await startStandalone('--port', '0', '--data', data);
    await place(node.api);
    await node.end('SIGTERM');
  } finally {
    await disk.unmount();
  }
});
