import { afterEach, expect, jest, test } from '@jest/globals';
import { freePort } from '@dta/testkit';
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

/** Runs what `npm run cluster` runs; settles with what it said when it is ready, or has ended. */
async function runCluster(
  ...args: string[]
): Promise<{ pid: number; said: () => string; ended: Promise<number | null> }> {
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
  while (!text.includes('Stop: Ctrl-C') && !isOver) await delay(50);
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

test('npm run cluster: the commands it prints work, and Ctrl-C leaves nothing behind', async () => {
  const { pid, said, ended } = await runCluster('--port', String(await freePort()));
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

test('killed with -9, its processes end with it', async () => {
  const { pid, said, ended } = await runCluster('--port', String(await freePort()), '--fiduciaries', '1');
  const [, folder = 'none'] = /Its files, until then: (\S+)/.exec(said()) ?? [];
  expect(await processesOf(folder)).toHaveLength(4);
  process.kill(pid, 'SIGKILL');
  await ended;
  for (const limit = Date.now() + 30_000; (await processesOf(folder)).length > 0 && Date.now() < limit;)
    await delay(50);
  expect(await processesOf(folder)).toEqual([]);
  // its database server and files stay until the next run of services, which takes them over
  const { pid: next, ended: stopped } = await runCluster('--port', String(await freePort()), '--fiduciaries', '1');
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
