import type { Cid } from '@dta/codec';
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { blocksIn, type BlockPlace } from '../car.js';

interface Place {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/**
 * Finds blocks in a folder of archives. It looks into each archive once, when a block is asked for that isn't in those it
 * knows: who only puts never looks, and who audits reads them all anyway.
 */
export class BatchFiles {
  readonly #folder: string;
  readonly #places = new Map<Cid, Place>();
  readonly #known = new Set<string>();
  #looking: Promise<void> | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Bytes that an archive holds under that CID, whatever they are; undefined where none does. */
  async read(cid: Cid): Promise<Uint8Array | undefined> {
    if (!this.#places.has(cid)) {
      this.#looking ??= this.#lookIntoNew().finally(() => (this.#looking = undefined));
      await this.#looking;
    }
    const place = this.#places.get(cid);
    return place === undefined ? undefined : readAt(place);
  }

  async #lookIntoNew(): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      if (this.#known.has(name)) continue;
      const file = join(this.#folder, name);
      const blocks = blocksOf(await readFile(file));
      for (const { cid, offset, length } of blocks) this.#places.set(cid, { file, offset, length });
      if (blocks.length > 0) this.#known.add(name);
    }
  }
}

/** None where the archive is damaged: its blocks are missing. */
function blocksOf(archive: Uint8Array): BlockPlace[] {
  try {
    return blocksIn(archive);
  } catch {
    return [];
  }
}

/** Fewer bytes where the file was cut short: they are then not the block's. */
async function readAt({ file, offset, length }: Place): Promise<Uint8Array> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(new Uint8Array(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
