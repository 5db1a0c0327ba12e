import { DtaError } from '@dta/errors';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { encodeCar } from '../car.js';
import { assertBatch, assertBlock, blockNotFound, type DocumentStore } from '../document-store.js';
import { BatchFiles } from './batch-files.js';
import { syncFolder, writeWhole } from './durable-files.js';

/** Files of a process that died are at least this old when they are taken away: a live one writes for milliseconds. */
const LEFT_OVER_MS = 60 * 60_000;

/**
 * A store in a folder of this machine, one archive (CAR) a batch: for one node that has nobody to read its log from
 * elsewhere. Other processes may use the folder too: an archive is named by its own hash and never changes.
 *
 * @throws `store_unavailable` where the folder can't be made or read
 */
export async function openFilesystemStore(folder: string): Promise<DocumentStore> {
  const [batches, unfinished] = [join(resolve(folder), 'batches'), join(resolve(folder), 'unfinished')];
  await orUnavailable(async () => {
    await mkdir(batches, { recursive: true });
    await mkdir(unfinished, { recursive: true });
    await removeLeftOvers(unfinished);
  });
  const files = new BatchFiles(batches);
  return {
    kind: 'filesystem',
    put: async (batch) => {
      assertBatch(batch);
      const archive = encodeCar(batch);
      const file = join(batches, `${createHash('sha256').update(archive).digest('hex')}.car`);
      await orUnavailable(async () => {
        // what a disk damaged is written again
        if (!isSame(await readIfThere(file), archive)) await writeWhole(unfinished, file, archive);
        await syncFolder(batches);
      });
    },
    get: async (cid) => {
      const bytes = await orUnavailable(() => files.read(cid));
      if (bytes === undefined) throw blockNotFound(cid);
      assertBlock(cid, bytes);
      return bytes;
    },
  };
}

function isSame(kept: Uint8Array | undefined, archive: Uint8Array): boolean {
  return kept !== undefined && Buffer.from(kept).equals(archive);
}

async function readIfThere(file: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(file);
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
