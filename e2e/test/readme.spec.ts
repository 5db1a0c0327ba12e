import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { blocksOf, ROOT, runBlocks, type Result } from '../src/pages.js';

// README.md as a stranger follows it: `npm start` in one terminal, every other ```sh block in a second one, in order.
// ```console blocks run until they are stopped, or for minutes, and say so.
jest.setTimeout(300_000);

const run = promisify(execFile);

let folder: string;
let node: ChildProcess;
let readme: string;
let results: readonly Result[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-readme-'));
  readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  const [start, ...others] = blocksOf(readme);
  expect(start?.text).toBe('npm start'); // else the node that the others talk to is not what the page starts
  const started = await startNode(`${start?.text ?? ''} -- --port 0 --data ${join(folder, 'data')}`);
  node = started.child;
  results = await runBlocks(others, { DTA: started.url, DTA_DATA: join(folder, 'data'), TMPDIR: folder }); // what `mktemp` makes goes with the rest
});

afterAll(async () => {
  if (node?.exitCode === null && node.signalCode === null) {
    const gone = once(node, 'exit');
    node.kill('SIGTERM');
    await gone;
  }
  await rm(folder, { recursive: true, force: true });
});

describe('README.md', () => {
  test('says how to choose port and folder, as this test does', () => {
    expect(readme).toMatch(/npm start -- --port \d+ --data \S+/);
    expect(readme).toMatch(/export DTA=http:\/\/localhost:\d+/);
  });

  test('npm start compiles every app that the shell blocks run', async () => {
    const [, compiled = ''] = /compile\((.*?)\)/.exec(await readFile(join(ROOT, 'tools/start.mjs'), 'utf8')) ?? [];
    const apps = new Set(blocksOf(readme).flatMap(({ text }) => text.match(/apps\/\w+(?=\/dist)/g) ?? []));
    expect(apps.size).toBeGreaterThan(0);
    for (const app of apps) expect(compiled).toContain(`'${app}'`);
  });

  test('every shell block runs to its end', () => {
    expect(results.length).toBeGreaterThanOrEqual(6);
    expect(results.filter(({ shown }) => shown !== undefined).length).toBeGreaterThanOrEqual(4);
  });

  test('every answer has the fields that the page shows, and no other', () => {
    for (const { output, shown } of results) {
      if (shown === undefined) continue;
      expect(shapeOf(JSON.parse(output))).toEqual(shapeOf(JSON.parse(shown)));
    }
  });

  test('the order that it places is the one that it redeems', () => {
    const [placed, redeemed, listed] = results.map(({ output, shown }) => shown && (JSON.parse(output) as unknown)); // compared below
    const { orderReference, commitment } = placed as { orderReference: string; commitment: string }; // as the shapes say
    expect(redeemed).toMatchObject({ orderReference, commitment });
    expect(listed).toMatchObject({ orderReference: [orderReference], orders: [{ state: 'released' }] });
  });

  test('the demo and the identity end as they should', () => {
    const said = results.map(({ output }) => output);
    expect(said.some((output) => output.includes('They are the same.'))).toBe(true);
    expect(said.some((output) => /^roles +fiduciary$/m.test(output))).toBe(true);
    expect(said.some((output) => /^sound +principal .*\n(sound .*\n){3}sound .*$/.test(output))).toBe(true);
  });

  test('every page that the documents link to is there', async () => {
    for (const page of [
      'README.md',
      'SECURITY.md',
      'docs/architecture.md',
      'docs/operations.md',
      'docs/api.md',
      'docs/adr/README.md',
    ]) {
      const text = await readFile(join(ROOT, page), 'utf8');
      const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link = '']) => link);
      expect(links.length).toBeGreaterThan(0);
      for (const link of links) await readFile(join(ROOT, page, '..', link), 'utf8');
    }
  });
});

describe('documents made from the code', () => {
  /** Where they are. */
  const parts = ['docs', 'libs/client/src', 'k8s/dta/files'];
  const check = (checkout: string) => run(process.execPath, [join(ROOT, 'tools/docs.mjs'), 'check', checkout]);

  test('are current', async () => {
    await check(ROOT);
  });

  test('name no metric that nothing measures', async () => {
    const copy = await mkdtemp(join(folder, 'docs-'));
    for (const part of parts) await cp(join(ROOT, part), join(copy, part), { recursive: true });
    const page = join(copy, 'docs/operations.md');
    await writeFile(page, (await readFile(page, 'utf8')).replace('on `dta_part_up`', 'on `dta_parts_up`'));
    await expect(check(copy)).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('dta_parts_up') });
  });

  test.each([
    ['libs/client/src/openapi.ts', 'getStatus: {', 'getState: {'],
    ['docs/openapi.json', '"openapi": "3.1.0"', '"openapi": "3.0.0"'],
    ['docs/api.md', '| `busy` | 503 |', '| `busy` | 500 |'],
    ['docs/api.md', '`POST /v1/order`', '`PUT /v1/order`'],
    ['docs/configuration.md', '`FIDUCIARY_SET`', '`FIDUCIARY_LIST`'],
    ['docs/operations.md', '| `dta_orders` | gauge |', '| `dta_orders` | counter |'],
    ['docs/operations.md', '(#clocks) | page | 2m |', '(#clocks) | page | 1m |'],
    ['k8s/dta/files/rules.yaml', 'for: 10m', 'for: 20m'],
    ['k8s/dta/files/dashboard.json', '"title": "D-TA"', '"title": "DTA"'],
  ])('are found stale where %s says something else', async (name, current, other) => {
    const copy = await mkdtemp(join(folder, 'docs-'));
    for (const part of parts) {
      await cp(join(ROOT, part), join(copy, part), { recursive: true });
    }
    const text = await readFile(join(copy, name), 'utf8');
    expect(text).toContain(current);
    await writeFile(join(copy, name), text.replace(current, other));
    await expect(check(copy)).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining(`stale: ${name}`) });
  });
});

async function startNode(command: string): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn('sh', ['-c', `exec ${command}`], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        const ready = /D-TA is ready on (http:\/\/localhost:\d+)/.exec(said)?.[1];
        if (ready !== undefined) resolve(ready);
      });
    }
    child.once('exit', (code) => reject(new Error(`npm start ended with ${code}: ${said}`)));
  });
  return { child, url };
}

/** Names and types of a JSON value, without what differs from one answer to the next. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf);
  if (typeof value !== 'object' || value === null) return value === null ? null : typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shapeOf(member)]));
}
