import { parseCid, type Cid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { assertBatch, assertBlock, blockNotFound, type Block, type DocumentStore } from '../document-store.js';
import { syncFolder, writeWhole } from './durable-files.js';

/** Files of a process that died are at least this old when they are taken away: a live one writes for milliseconds. */
const LEFT_OVER_MS = 60 * 60_000;
/** Files written at a time: more would wait for the same disk. */
const AT_A_TIME = 8;

/**
 * A store in a folder of this machine, one file a block: for one node that has nobody to read its log from elsewhere.
 * Other processes may use the folder too, since a file has the same bytes whoever writes it.
 *
 * @throws `store_unavailable` where the folder can't be made or read
 */
export async function openFilesystemStore(folder: string): Promise<DocumentStore> {
  const [blocks, unfinished] = [join(resolve(folder), 'blocks'), join(resolve(folder), 'unfinished')];
  await orUnavailable(async () => {
    await mkdir(blocks, { recursive: true });
    await mkdir(unfinished, { recursive: true });
    await removeLeftOvers(unfinished);
  });
  /** 256 folders: the last two characters of a CID are as random as its hash. */
  const shardOf = (cid: Cid) => join(blocks, parseCid(cid).slice(-2));
  const fileOf = (cid: Cid) => join(shardOf(cid), cid);

  const keep = async ({ cid, bytes }: Block): Promise<void> => {
    if (await isKept(fileOf(cid), cid)) return;
    await writeWhole(unfinished, fileOf(cid), bytes);
  };
  return {
    kind: 'filesystem',
    put: async (batch) => {
      assertBatch(batch);
      const shards = [...new Set(batch.blocks.map(({ cid }) => shardOf(cid)))];
      // what a link names is there before the link is
      const [roots, others] = [batch.blocks.filter(isRoot(batch.root)), batch.blocks.filter(not(isRoot(batch.root)))];
      await orUnavailable(async () => {
        for (const shard of shards) await mkdir(shard, { recursive: true });
        await inTurns(others, keep);
        await inTurns(roots, keep);
        for (const each of [blocks, ...shards]) await syncFolder(each);
      });
    },
    get: async (cid) => {
      const bytes = await orUnavailable(() => readIfThere(fileOf(cid)));
      if (bytes === undefined) throw blockNotFound(cid);
      assertBlock(cid, bytes);
      return bytes;
    },
  };
}

const isRoot = (root: Cid) => (block: Block) => block.cid === root;
const not = (holds: (block: Block) => boolean) => (block: Block) => !holds(block);

/** Whether the block is there, and whole: what a disk damaged is written again. */
async function isKept(file: string, cid: Cid): Promise<boolean> {
  const bytes = await readIfThere(file);
  if (bytes === undefined) return false;
  try {
    assertBlock(cid, bytes);
    return true;
  } catch {
    return false;
  }
}

async function readIfThere(file: string): Promise<Uint8Array | undefined> {
  try {
    return new Uint8Array(await readFile(file));
  } catch (error) {
    if (reasonOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function removeLeftOvers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const file = join(folder, name);
    const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: Infinity })); // finished meanwhile
    if (Date.now() - mtimeMs > LEFT_OVER_MS) await rm(file, { force: true });
  }
}

async function inTurns<T>(list: readonly T[], task: (one: T) => Promise<void>): Promise<void> {
  const left = [...list];
  const worker = async () => {
    for (let one = left.pop(); one !== undefined; one = left.pop()) await task(one);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
}

async function orUnavailable<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (cause) {
    if (cause instanceof DtaError) throw cause;
    throw new DtaError('store_unavailable', `the folder of the document store can't be used: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

/** Node's own errors carry a code such as ENOSPC; their message may be long. */
function reasonOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown reason';
}
