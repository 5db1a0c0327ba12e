import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Writes a file that is there whole or not at all, whenever the process dies: in `beside`, a folder of the same disk, synced,
 * then renamed. The name is durable once its folder is synced too ({@link syncFolder}).
 */
export async function writeWhole(beside: string, file: string, bytes: Uint8Array): Promise<void> {
  const unfinished = join(beside, randomBytes(16).toString('hex'));
  try {
    const handle = await open(unfinished, 'wx', 0o644);
    try {
      await handle.writeFile(bytes);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
