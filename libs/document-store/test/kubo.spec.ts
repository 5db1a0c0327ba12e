import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { openKuboStore } from '@dta/document-store';
import { documentStoreCompliance } from '@dta/document-store/compliance';
import { startKuboSwarm, type KuboNode, type KuboSwarm } from '@dta/testkit';
import { newBatch } from './blocks.js';
import { refusal } from './refusal.js';

jest.setTimeout(180_000);

let swarm: KuboSwarm;
let own: KuboNode;
let other: KuboNode;

beforeAll(async () => {
  swarm = await startKuboSwarm(2);
  [own, other] = swarm.nodes as [KuboNode, KuboNode]; // two were asked for
}, 180_000);
afterAll(() => swarm.stop());

const open = ({ url } = own, timeoutMs = 30_000) => openKuboStore({ url, timeoutMs });

describe('compliance of the Kubo store', () => {
  // a block that is nowhere is looked for as long as we let it
  for (const { name, run } of documentStoreCompliance)
    test(name, () => run(async () => open(own, /not/.test(name) ? 10_000 : 20_000)));
});

test('a batch is pinned by its root, with all that it links to', async () => {
  const batch = newBatch();
  await open().put(batch);
  const pinned = await rpc(own, `pin/ls?type=recursive&arg=${batch.root}`);
  expect(pinned).toMatchObject({ Keys: { [batch.root]: { Type: 'recursive' } } });
  await rpc(own, 'repo/gc');
  for (const { cid, bytes } of batch.blocks) expect(await open().get(cid)).toEqual(new Uint8Array(bytes));
});

test('a block put at one node is read at another of the swarm', async () => {
  const batch = newBatch();
  await open(own).put(batch);
  for (const { cid, bytes } of batch.blocks) expect(await open(other).get(cid)).toEqual(new Uint8Array(bytes));
});

test('what was acknowledged is there after kill -9 of Kubo', async () => {
  const batch = newBatch();
  await open(other).put(batch);
  await other.kill();
  await expect(open(other).get(batch.root)).rejects.toThrow(refusal('store_unavailable', /does not answer$/));
  await expect(open(other).put(batch)).rejects.toThrow(refusal('store_unavailable'));
  await other.restart();
  for (const { cid, bytes } of batch.blocks) expect(await open(other).get(cid)).toEqual(new Uint8Array(bytes));
});

test('a Kubo that hangs is given up when the time is over', async () => {
  own.pause();
  try {
    await expect(open(own, 500).put(newBatch())).rejects.toThrow(refusal('store_unavailable', /within 500 ms$/));
  } finally {
    own.resume();
  }
});

test('a root that links to what nobody has is not said to be kept', async () => {
  const { root, blocks } = newBatch();
  const part = blocks.filter(({ cid }) => cid === root);
  await expect(open(own, 1_000).put({ root, blocks: part })).rejects.toThrow(refusal('store_unavailable'));
});

async function rpc({ url }: KuboNode, command: string): Promise<unknown> {
  const text = await (await fetch(`${url}/api/v0/${command}`, { method: 'POST' })).text();
  return command === 'repo/gc' ? text : JSON.parse(text);
}
