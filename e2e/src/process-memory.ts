import { open, readFile, type FileHandle } from 'node:fs/promises';
import type { NeedleSearch } from './needles.js';

const CHUNK_BYTES = 1024 * 1024;
/** Longer than any form of a needle, so that none hides on a boundary. */
const OVERLAP_BYTES = 4096;
const PAGE_BYTES = 4096;
const zeros = Buffer.alloc(64 * 1024);

/** What a look into a process's memory found, and how much it read. */
export interface MemorySearch {
  readonly found: readonly string[];
  readonly bytes: number;
}

/**
 * Searches all that a process has written to its memory: every writable mapping, heap, stacks and library data alike, read
 * from `/proc/<pid>/mem` while the process is stopped. Pages that it never touched, or that hold
 * nothing but zeros, are passed over.
 *
 * @throws Error where the kernel doesn't let us (`EACCES`, `EPERM`), or there is no such file
 */
export async function searchMemory(pid: number, search: NeedleSearch): Promise<MemorySearch> {
  const memory = await open(`/proc/${pid}/mem`, 'r');
  const pages = await open(`/proc/${pid}/pagemap`, 'r');
  const isOurs = pid === process.pid;
  if (!isOurs) process.kill(pid, 'SIGSTOP');
  try {
    const found = new Set<string>();
    const chunk = Buffer.alloc(CHUNK_BYTES + OVERLAP_BYTES);
    let bytes = 0;
    for (const [from, to] of writableMappings(await readFile(`/proc/${pid}/maps`, 'utf8'))) {
      for (let at = from; at < to; at += CHUNK_BYTES) {
        const length = Math.min(chunk.length, to - at);
        if (!(await isTouched(pages, at, length))) continue;
        const { bytesRead } = await memory.read(chunk, 0, length, at).catch(() => ({ bytesRead: 0 })); // a guard page
        for (let block = 0; block < Math.min(bytesRead, CHUNK_BYTES); block += zeros.length) {
          const end = Math.min(block + zeros.length, bytesRead);
          if (chunk.subarray(block, end).equals(zeros.subarray(0, end - block))) continue; // most of a heap is
          for (const name of search(chunk.subarray(block, Math.min(end + OVERLAP_BYTES, bytesRead)))) found.add(name);
          bytes += end - block;
        }
      }
    }
    return { found: [...found], bytes };
  } finally {
    if (!isOurs) process.kill(pid, 'SIGCONT');
    await memory.close();
    await pages.close();
  }
}

function writableMappings(maps: string): [number, number][] {
  const lines = [...maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw/gm)];
  return lines.map(([, from = '', to = '']) => [Number(`0x${from}`), Number(`0x${to}`)]);
}

/** Whether a page of the range is in memory or swapped out (bits 63 and 62 of its entry, Linux' pagemap.rst). */
async function isTouched(pages: FileHandle, at: number, length: number): Promise<boolean> {
  const entries = Buffer.alloc(Math.ceil(length / PAGE_BYTES) * 8);
  const { bytesRead } = await pages.read(entries, 0, entries.length, (at / PAGE_BYTES) * 8);
  for (let entry = 7; entry < bytesRead; entry += 8) if ((entries[entry] ?? 0) >= 0x40) return true;
  return false;
}
