import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openFilesystemStore, type Batch, type DocumentStore } from '@dta/document-store';
import { documentStoreCompliance } from '@dta/document-store/compliance';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
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
const filesOf = async (at: string) => (await readdir(join(at, 'batches'))).map((name) => join(at, 'batches', name));

async function holdsAll(store: DocumentStore, { blocks }: Batch): Promise<void> {
  for (const { cid, bytes } of blocks) expect(await store.get(cid)).toEqual(new Uint8Array(bytes));
}

describe('compliance of the filesystem store', () => {
  for (const { name, run } of documentStoreCompliance) test(name, () => run(() => openFilesystemStore(folder)));
});

test('a block that was altered on the disk is refused, and put right by the next put', async () => {
  const at = newFolder();
  const batch = newBatch();
  await (await openFilesystemStore(at)).put(batch);
  const [file = ''] = await filesOf(at);
  const whole = await readFile(file);
  for (const { cid, bytes } of batch.blocks) {
    const altered = Buffer.from(whole);
    altered.writeUInt8(altered.readUInt8(whole.indexOf(bytes) + 20) ^ 1, whole.indexOf(bytes) + 20);
    const store = await openFilesystemStore(at);
    await writeFile(file, altered);
    await expect(store.get(cid)).rejects.toThrow(refusal('block_invalid'));
    await store.put(batch);
    expect(await store.get(cid)).toEqual(new Uint8Array(bytes));
  }
  expect(await filesOf(at)).toEqual([file]);
});

test('a file that was cut short or is none has no blocks, until it is put again', async () => {
  const at = newFolder();
  const batch = newBatch();
  await (await openFilesystemStore(at)).put(batch);
  const [file = ''] = await filesOf(at);
  const whole = await readFile(file);
  for (const damaged of [whole.subarray(0, 40), Buffer.alloc(0), Buffer.alloc(500), Buffer.from('no archive')]) {
    await writeFile(file, damaged);
    const store = await openFilesystemStore(at);
    await expect(store.get(batch.root)).rejects.toThrow(refusal('block_not_found'));
    await store.put(batch);
    await holdsAll(store, batch);
    await writeFile(file, damaged); // as it was looked into before
    await expect(store.get(batch.root)).rejects.toThrow(refusal('block_invalid'));
  }
});

test('a file that somebody took away is a store that is away', async () => {
  const at = newFolder();
  const store = await openFilesystemStore(at);
  const batch = newBatch();
  await store.put(batch);
  await holdsAll(store, batch);
  for (const file of await filesOf(at)) await rm(file);
  await expect(store.get(batch.root)).rejects.toThrow(refusal('store_unavailable', /ENOENT$/));
});

test('nothing unfinished is left after a put, nor after one that fails', async () => {
  const at = newFolder();
  const store = await openFilesystemStore(at);
  await store.put(newBatch());
  expect(await readdir(join(at, 'unfinished'))).toEqual([]);
  const before = await filesOf(at);
  const batch = newBatch();
  await store.put(batch);
  const name = (await filesOf(at)).find((file) => !before.includes(file)) ?? '';
  await rm(name);
  await mkdir(name); // no file can take this name
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

test('kill -9 in the middle of putting leaves only whole files, and all of what was acknowledged', async () => {
  const at = newFolder();
  for (let run = 0; run < 3; run++) {
    const acknowledged = await putUntilKilled(at);
    const store = await openFilesystemStore(at);
    for (const cid of acknowledged) await store.get(cid as never); // printed by the writer
    expect(acknowledged.length).toBeGreaterThan(0);
    for (const file of await filesOf(at)) {
      expect(
        createHash('sha256')
          .update(await readFile(file))
          .digest('hex'),
      ).toBe(basename(file, '.car')); // whole
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
