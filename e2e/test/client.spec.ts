import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { fromHex, toHex } from '@dta/codec';
import { secp256k1 } from '@dta/crypto';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { begin, place, redeem } from '../src/orders.js';
import { startStandalone, type StandaloneProcess } from '../src/standalone.js';

jest.setTimeout(300_000);

const ROOT = join(import.meta.dirname, '../../..');
const run = promisify(execFile);

let folder: string;
let node: StandaloneProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-client-'));
  node = await startStandalone('--port', '0', '--data', join(folder, 'node'), '--metrics-port', '0');
});

afterAll(async () => {
  await node.end('SIGTERM');
  await rm(folder, { recursive: true, force: true });
});

test("the order in ten lines of the client's README runs as it stands", async () => {
  const readme = await readFile(join(ROOT, 'libs/client/README.md'), 'utf8');
  const [, block = ''] = /```ts\n([^]*?)```/.exec(readme) ?? [];
  expect(block.trim().split('\n')).toHaveLength(10);
  expect(block).toContain('http://localhost:5556');
  const file = join(ROOT, 'e2e/dist', `readme-${process.pid}.mjs`); // where the packages are found
  await writeFile(file, block.replace('http://localhost:5556', node.api.url));
  try {
    const { stdout } = await run(process.execPath, [file]);
    const [, commitment = ''] = /^public key ([0-9a-f]{66})$/m.exec(stdout) ?? [];
    const [, secret = ''] = /^private key ([0-9a-f]{64})$/m.exec(stdout) ?? [];
    expect(toHex(secp256k1.publicPoint(fromHex(secret)))).toBe(commitment);
    const steps = [...stdout.matchAll(/^20\S+Z (\w+)$/gm)].map(([, step]) => step);
    expect(steps).toEqual(['requested', 'enrolled', 'dealing', 'committed', 'releasing', 'released']);
  } finally {
    await rm(file);
  }
});

test('an order is followed from before it is committed to its end, each event once and as the timeline has it', async () => {
  const { client } = node.api;
  const orderReference = await begin(node.api);
  const seen: string[] = [];
  for await (const { at, event } of client.followOrder(orderReference)) {
    seen.push(`${at} ${event}`);
    if (event === 'committed') await redeem(node.api, orderReference);
  }
  const { timeline } = await client.order(orderReference);
  expect(seen).toEqual(timeline.map(({ at, event }) => `${at} ${event}`));
  expect(seen.at(-1)).toMatch(/ released$/);
});

test('what a gateway refuses is a typed error', async () => {
  await expect(place(node.api, { threshold: 9 })).rejects.toMatchObject({
    ...{ name: 'ProblemError', code: 'terms_invalid', status: 422 },
    problem: { requestId: expect.any(String) },
  });
});

test('a node in one process shows the metrics and the health of all its roles on one port, told apart', async () => {
  const [, url] = /Metrics: (http:\S+)\/metrics/.exec(node.output()) ?? [];
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const custody = [...metrics.matchAll(/^dta_part_up\{part="custody",role="(\w+)",node="(\w+)"\} 1$/gm)];
  expect(custody.map(([, role]) => role)).toEqual([
    ...['principal', 'beneficiary', 'fiduciary', 'fiduciary', 'fiduciary'],
  ]);
  expect(new Set(custody.map(([, , cid]) => cid)).size).toBe(4); // principal and beneficiary are one node
  expect(metrics).toMatch(/^dta_http_request_duration_seconds_count\{.*route="\/v1\/order".*role="gateway"\} \d+$/m);
  expect(metrics.match(/^# TYPE process_cpu_seconds_total /gm)).toHaveLength(1);
  const ready = await fetch(`${url}/health/ready`);
  expect(ready.status).toBe(200);
  expect(await ready.json()).toMatchObject({
    ready: true,
    parts: { 'gateway process': 'up', 'principal postgres': 'up', 'fiduciary-3 custody': 'up' },
  });
});
