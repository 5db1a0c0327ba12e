import { afterEach, expect, jest, test } from '@jest/globals';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isPrivateKeyOf } from '../src/orders.js';

jest.setTimeout(300_000);

const program = join(import.meta.dirname, '../src/cluster-main.js');

let child: ChildProcess | undefined;

afterEach(() => {
  child?.kill('SIGKILL');
});

/** Runs what `npm run cluster` runs; settles with what it said when it is ready, or has said `first`, or has ended. */
async function runCluster(
  ...[first = '', ...rest]: (string | RegExp)[]
): Promise<{ pid: number; said: () => string; ended: Promise<number | null> }> {
  const until = first instanceof RegExp ? first : /Stop: Ctrl-C/;
  const args = (first instanceof RegExp ? rest : [first, ...rest]).map(String);
  const started = spawn(process.execPath, [program, ...args], { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  child = started;
  let text = '';
  for (const stream of [started.stdout, started.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => (text += part));
  }
  let isOver = false;
  const ended = new Promise<number | null>((resolve) => {
    started.once('close', (status) => {
      isOver = true;
      resolve(status);
    });
  });
  while (!until.test(text) && !isOver) await delay(50);
  return { pid: started.pid ?? -1, said: () => text, ended };
}

/** Processes that were started by the cluster of that folder, or by its parent: they name it in their environment. */
async function processesOf(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const environments = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')));
  return pids.filter((_, at) => environments[at]?.includes(folder));
}

const foldersOf = async (pid: number) =>
  (await readdir(tmpdir())).filter((name) => name.startsWith(`dta-test-${pid}-`));

async function shell(command: string): Promise<Record<string, unknown>> {
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', command]);
  return { ...(JSON.parse(stdout) as object) }; // an answer of the gateway's
}

/** The indented lines after a line of what the cluster said that begins so, as one script. */
function printedAfter(said: string, heading: string): string {
  const [, rest = ''] = said.split(new RegExp(`^${heading}.*\n`, 'm'));
  return /^(?:  .*\n)+/.exec(rest)?.[0] ?? '';
}

test('npm run cluster: the commands it prints work, and Ctrl-C leaves nothing behind', async () => {
  const { pid, said, ended } = await runCluster('--port', '0');
  expect(said()).toContain('D-TA is ready on');
  const [order = '', redeem = ''] = said().match(/curl .*/g) ?? [];
  const { commitment } = await shell(order);
  const { secret } = await shell(redeem);
  expect(isPrivateKeyOf(String(secret), String(commitment))).toBe(true);
  const [verify = 'false'] = said().match(/\S+ \S+ verify-log .*/) ?? [];
  for (let sound = 0; sound < 5; await delay(200)) {
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', verify]); // it fails where a log is not sound
    sound = stdout.match(/^sound /gm)?.length ?? 0; // until each role has published something
  }

  const [, folder = 'none'] = /Its files, until then: (\S+)/.exec(said()) ?? [];
  expect(await processesOf(folder)).toHaveLength(6);
  expect(await processesOf(`dta-test-${pid}-kubo-`)).toHaveLength(3);
  process.kill(-pid, 'SIGINT'); // to the whole group, as a terminal does
  expect(await ended).toBe(0);
  for (const of of [folder, `dta-test-${pid}-kubo-`]) expect(await processesOf(of)).toEqual([]);
  expect(await foldersOf(pid)).toEqual([]);
});

test('without Kubo it says that nothing is published, and takes the fourth fiduciary that it shows how to start', async () => {
  const { pid, said, ended } = await runCluster('--port', '0', '--no-kubo');
  expect(said()).toMatch(/nothing is published/i);
  expect(said()).not.toContain('verify-log');
  expect(said()).not.toMatch(/bearer/i); // a command's arguments are seen by every user of the machine
  expect(said()).toMatch(/NATS is nats:\/\/127\.0\.0\.1:\d+, account "first", whose password is in \S+nats-password\./);
  expect(await processesOf(`dta-test-${pid}-kubo-`)).toEqual([]);

  const guest = spawn('/bin/sh', ['-e', '-c', printedAfter(said(), 'A fiduciary more')], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let words = '';
  const guestEnded = new Promise<number | null>((resolve) => guest.once('close', resolve));
  const ready = new Promise<void>((resolve) => {
    for (const stream of [guest.stdout, guest.stderr]) {
      stream.setEncoding('utf8').on('data', (part: string) => {
        words += part;
        if (words.includes('"msg":"ready"')) resolve();
      });
    }
  });
  try {
    const over = guestEnded.then((status) => Promise.reject(new Error(`the guest ended with ${status}: ${words}`)));
    await Promise.race([ready, over]);
    const { orderReference, commitment } = await shell(printedAfter(said(), 'When it says'));
    const [, redeem = ''] = said().match(/curl .*/g) ?? [];
    const { secret, orderReference: redeemed } = await shell(redeem);
    expect(redeemed).toBe(orderReference);
    expect(isPrivateKeyOf(String(secret), String(commitment))).toBe(true);
    const url = /D-TA is ready on (\S+):/.exec(said())?.[1] ?? '';
    const header = /-H (@\S+)/.exec(said())?.[1] ?? '';
    const shown = await shell(`curl -s -H ${header} ${url}/v1/order/${String(orderReference)}`);
    expect(shown['fiduciaries']).toHaveLength(4);
  } finally {
    if (guest.exitCode === null && guest.pid !== undefined) process.kill(-guest.pid, 'SIGTERM');
    await guestEnded;
  }
  expect(words).not.toMatch(/postgres:\/\/|password/i);
  process.kill(-pid, 'SIGINT');
  expect(await ended).toBe(0);
  expect(await foldersOf(pid)).toEqual([]);
});

test('Ctrl-C while it starts ends it in order', async () => {
  const { pid, said, ended } = await runCluster(/^\[.*\] starting NATS/m, '--port', '0', '--no-kubo');
  process.kill(-pid, 'SIGINT');
  expect(await ended).toBe(0);
  expect(said()).toMatch(/\] stopping\n[^]*\] stopped\n$/);
  expect(said()).not.toMatch(/can't start/);
  expect(await foldersOf(pid)).toEqual([]);
});

test('killed with -9, its processes end with it', async () => {
  const { pid, said, ended } = await runCluster('--port', '0', '--fiduciaries', '1');
  const [, folder = 'none'] = /Its files, until then: (\S+)/.exec(said()) ?? [];
  expect(await processesOf(folder)).toHaveLength(4);
  process.kill(pid, 'SIGKILL');
  await ended;
  for (const limit = Date.now() + 30_000; (await processesOf(folder)).length > 0 && Date.now() < limit;)
    await delay(50);
  expect(await processesOf(folder)).toEqual([]);
  // its database server and files stay until the next run of services, which takes them over
  const { pid: next, ended: stopped } = await runCluster('--port', '0', '--fiduciaries', '1');
  expect(await foldersOf(pid)).toEqual([]);
  process.kill(next, 'SIGTERM');
  expect(await stopped).toBe(0);
});

test('what is wrong is said in one sentence', async () => {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo; // of TCP, as it listens
  const { pid, said, ended } = await runCluster('--port', String(port), '--fiduciaries', '1');
  server.close();
  expect(await ended).toBe(1);
  expect(said()).toMatch(new RegExp(`the cluster can't start: .*${port}: the port is in use`));
  expect(await foldersOf(pid)).toEqual([]);
});
