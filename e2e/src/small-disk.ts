import { execFile } from 'node:child_process';
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A file system of its own size, in memory. */
export interface SmallDisk {
  readonly folder: string;
  resize(mebibytes: number): Promise<void>;
  /** Writes until nothing more goes onto it. */
  fill(): Promise<void>;
  /** Takes away what {@link fill} wrote. */
  clear(): Promise<void>;
  unmount(): Promise<void>;
}

const run = promisify(execFile);

/** Mounts a disk at `folder`, which it makes; null, with a word on the console, where this user can't mount one. */
export async function mountSmallDisk(folder: string, mebibytes: number): Promise<SmallDisk | null> {
  await mkdir(folder);
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0711`, 'tmpfs', folder]);
  } catch (error) {
    console.log(`not tested, since no small disk can be mounted here: ${String(error).trim()}`);
    return null;
  }
  const rest = join(folder, 'rest');
  return {
    folder,
    resize: async (size) => void (await run('mount', ['-o', `remount,size=${size}m`, folder])),
    fill: async () => {
      const { bavail, bsize } = await statfs(folder);
      await writeFile(rest, Buffer.alloc(bavail * bsize)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOSPC') throw error; // somebody else wrote meanwhile: it is full
      });
    },
    clear: () => rm(rest),
    unmount: async () => void (await run('umount', [folder])),
  };
}
