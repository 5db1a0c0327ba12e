import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
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

/** Whether this user can mount one. */
export async function canMountSmallDisk(): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'dta-disk-'));
  try {
    await (await mountSmallDisk(join(folder, 'disk'), 1)).unmount();
    return true;
  } catch {
    return false;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Mounts a disk at `folder`, which it makes. */
export async function mountSmallDisk(folder: string, mebibytes: number): Promise<SmallDisk> {
  await mkdir(folder);
  await run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0711`, 'tmpfs', folder]);
  const rest = join(folder, 'rest');
  return {
    folder,
    resize: async (size) => void (await run('mount', ['-o', `remount,size=${size}m`, folder])),
    fill: async () => {
      const { bavail, bsize } = await statfs(folder);
      await writeFile(rest, Buffer.alloc(bavail * bsize)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOSPC') throw error; // another process wrote meanwhile: it is full
      });
    },
    clear: () => rm(rest),
    unmount: async () => void (await run('umount', [folder])),
  };
}
