import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import pg from 'pg';
import { serviceUrl } from '../src/index.js';

let folder: string;
let runs: ChildProcess[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-testkit-'));
  await chmod(folder, 0o755);
  runs = [];
});

afterEach(async () => {
  for (const run of runs) run.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** A test run of its own, in `folder`, whose database server takes connections at `url`. */
async function openRun(environment: NodeJS.ProcessEnv = {}): Promise<{ url: string; run: ChildProcess }> {
  const run = spawn(process.execPath, [join(import.meta.dirname, 'hold-services.js')], {
    env: { ...process.env, DTA_TEST_POSTGRES: '', TMPDIR: folder, ...environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  runs.push(run);
  const [url] = (await once(createInterface({ input: run.stdout }), 'line')) as [string]; // what hold-services.ts writes
  return { url, run };
}

async function end(run: ChildProcess): Promise<void> {
  run.stdin?.end();
  await once(run, 'exit');
}

async function isUp(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}

test('a run that ends stops what it started and leaves nothing behind', async () => {
  const { url, run } = await openRun();
  expect(await isUp(url)).toBe(true);
  await end(run);
  expect(await isUp(url)).toBe(false);
  expect(await readdir(folder)).toEqual([]);
});

test('a run that was killed is cleared away by the next, one that lives is left alone', async () => {
  const [killed, living] = [await openRun(), await openRun()];
  killed.run.kill('SIGKILL');
  await once(killed.run, 'exit');
  expect(await readdir(folder)).toHaveLength(2);

  const next = await openRun();
  expect(await isUp(killed.url)).toBe(false);
  expect(await isUp(living.url)).toBe(true);
  expect(await readdir(folder)).toHaveLength(2);
  await end(living.run);
  await end(next.run);
});

test('a run on a server that was given starts none, and leaves that one running', async () => {
  const other = await openRun();
  const { url, run } = await openRun({ DTA_TEST_POSTGRES: other.url });
  expect(url).toBe(other.url);
  await end(run);
  expect(await isUp(url)).toBe(true);
  await end(other.run);
});

test('both services of this run answer', async () => {
  expect(await serviceUrl('postgres')).toMatch(/^postgres:\/\/.+@.+:\d+\/postgres$/);
  expect(await serviceUrl('nats')).toMatch(/^nats:\/\/127\.0\.0\.1:\d+$/);
});
