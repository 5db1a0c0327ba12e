import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openFilesystemStore } from '@dta/document-store';
import { documentStoreCompliance } from '@dta/document-store/compliance';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { leaf, newBatch } from './blocks.js';
import { refusal } from './refusal.js';

let parent: string;
let folder: string;
let made = 0;

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'dta-store-'));
  folder = join(parent, 'compliance');
});
afterAll(() => rm(parent, { recursive: true, force: true }));

const newFolder = () => join(parent, `store-${(made += 1)}`);
const fileOf = (at: string, cid: string) => join(at, 'blocks', cid.slice(-2), cid);

describe('compliance of the filesystem store', () => {
  for (const { name, run } of documentStoreCompliance) test(name, () => run(() => openFilesystemStore(folder)));
});

test('a file that was altered on the disk is refused, and put right by the next put', async () => {
  const at = newFolder();
  const store = await openFilesystemStore(at);
  const batch = newBatch();
  await store.put(batch);
  for (const { cid, bytes } of batch.blocks) {
    for (const altered of [bytes.subarray(1), Buffer.alloc(0), Buffer.concat([bytes, Buffer.of(0)])]) {
      await writeFile(fileOf(at, cid), altered);
      await expect(store.get(cid)).rejects.toThrow(refusal('block_invalid'));
    }
  }
  await store.put(batch);
  for (const { cid, bytes } of batch.blocks) expect(await store.get(cid)).toEqual(new Uint8Array(bytes));
});

test('nothing unfinished is left after a put, nor after one that fails', async () => {
  const at = newFolder();
  const store = await openFilesystemStore(at);
  await store.put(newBatch());
  expect(await readdir(join(at, 'unfinished'))).toEqual([]);
  const batch = newBatch();
  for (const { cid } of batch.blocks) await mkdir(fileOf(at, cid), { recursive: true }); // no file can take this name
  await expect(store.put(batch)).rejects.toThrow(refusal('store_unavailable'));
  expect(await readdir(join(at, 'unfinished'))).toEqual([]);
});

test('what a process that died left unfinished goes when it is old, and stays while another may be at it', async () => {
  const at = newFolder();
  await openFilesystemStore(at);
  const [old, young] = [join(at, 'unfinished', 'old'), join(at, 'unfinished', 'young')];
  for (const file of [old, young]) await writeFile(file, 'x');
  await utimes(old, new Date(0), new Date(0));
  await openFilesystemStore(at);
  expect(await readdir(join(at, 'unfinished'))).toEqual(['young']);
});

test('a folder that can not be used is said so in one sentence', async () => {
  const at = newFolder();
  await symlink('/dev/null', at);
  await expect(openFilesystemStore(at)).rejects.toThrow(refusal('store_unavailable', /can't be used: E[A-Z]+$/));
});

test('a name that is no CID reaches no file', async () => {
  const store = await openFilesystemStore(newFolder());
  await expect(store.get('../../../etc/passwd' as never)).rejects.toThrow(refusal('document_invalid')); // on purpose
});

test('kill -9 in the middle of putting leaves only whole files, and all of what was acknowledged', async () => {
  const at = newFolder();
  for (let run = 0; run < 3; run++) {
    const acknowledged = await putUntilKilled(at);
    const store = await openFilesystemStore(at);
    for (const cid of acknowledged) await store.get(cid as never); // printed by the writer
    expect(acknowledged.length).toBeGreaterThan(0);
    for (const shard of await readdir(join(at, 'blocks'))) {
      for (const cid of await readdir(join(at, 'blocks', shard))) await store.get(cid as never); // as above
    }
  }
  const block = leaf();
  const store = await openFilesystemStore(at);
  await store.put({ root: block.cid, blocks: [block] });
});

/** Lets a process put batch after batch, and kills it at once after some of them: gives the CIDs it said were kept. */
async function putUntilKilled(at: string): Promise<string[]> {
  const writer = spawn(process.execPath, [join(import.meta.dirname, 'put-for-ever.js'), at], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  await new Promise<void>((gone) => {
    writer.stdout.on('data', (text: Buffer) => {
      said += text.toString();
      if (said.split('\n').length > 3) writer.kill('SIGKILL');
    });
    writer.once('close', () => gone());
  });
  return said
    .split('\n')
    .slice(0, -1)
    .flatMap((line) => line.split(' '));
}
