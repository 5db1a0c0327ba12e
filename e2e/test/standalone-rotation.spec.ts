import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isPrivateKeyOf, place, redeem } from '../src/orders.js';
import { failToStart as runToEnd, startStandalone, type StandaloneProcess } from '../src/standalone.js';

jest.setTimeout(300_000);

let folder: string;
let node: StandaloneProcess | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-rotated-'));
});

afterAll(async () => {
  await node?.end('SIGTERM');
  await rm(folder, { recursive: true, force: true });
});

const start = async () => (node = await startStandalone('--port', '0', '--data', folder));

/** New idDocumentCIDs, by the names of their folders. */
async function rotate(): Promise<Map<string, string>> {
  const { status, errors, output } = await runToEnd('--rotate', '--data', folder);
  expect({ status, errors }).toEqual({ status: 0, errors: '' });
  return new Map(
    [...output.matchAll(/(\S+) is (bafy\w+) from the next start on/g)].map(([, name = '', cid = '']) => [name, cid]),
  );
}

test('a standalone node gets new keys twice; what it kept before is released, and new orders are placed', async () => {
  const placed = [await place((await start()).api)];
  await node?.end('SIGTERM');
  const first = await rotate();
  expect([...first.keys()].sort()).toEqual(['fiduciary-1', 'fiduciary-2', 'fiduciary-3', 'principal']);

  placed.push(await place((await start()).api));
  const beside = await runToEnd('--rotate', '--data', folder);
  expect(beside.errors).toMatch(/in use by another running node/);
  await node?.end('SIGTERM');
  const second = await rotate();
  expect(second.get('principal')).not.toBe(first.get('principal'));

  const { api } = await start();
  for (const [name, cid] of second) {
    const { status, body } = await api.get(`/v1/identity/${cid}`);
    expect([name, status, body]).toEqual([name, 200, expect.objectContaining({ idDocumentCID: cid })]);
  }
  placed.push(await place(api));
  for (const { orderReference, commitment } of placed) {
    expect(isPrivateKeyOf(await redeem(api, orderReference), commitment)).toBe(true);
  }
});
