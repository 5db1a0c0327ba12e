import { readdir, readlink, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DtaError } from '@dta/errors';

/**
 * Ends the server that a killed parent left running at `data` (a real path). The caller holds the folder's lock, so
 * whatever still runs there has no owner. Every process of a server has the data folder as its working directory;
 * `postmaster.pid` alone proves nothing: its process may be a zombie that nobody reaps, or the number may be another's.
 *
 * @throws DtaError `start_failed` where it can't be ended.
 */
export async function endLeftoverServer(data: string): Promise<void> {
  // fast shutdown, immediate shutdown, and what no process survives; each with the time it gets
  const steps = [
    ['SIGINT', 10_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const;
  for (const [signal, patience] of steps) {
    let left = await serverProcesses(data);
    for (const pid of left) sendSignal(pid, signal);
    for (const end = performance.now() + patience; left.length > 0 && performance.now() < end;) {
      await sleep(50);
      left = await serverProcesses(data);
    }
    if (left.length === 0) {
      await rm(join(data, 'postmaster.pid'), { force: true });
      return;
    }
  }
  throw new DtaError('start_failed', `a PostgreSQL server left behind at ${data} can't be ended`, {
    metadata: { directory: data },
  });
}

async function serverProcesses(data: string): Promise<number[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const pids = await Promise.all(names.map(async (name) => ((await servesAt(name, data)) ? Number(name) : undefined)));
  return pids.filter((pid) => pid !== undefined);
}

async function servesAt(pid: string, data: string): Promise<boolean> {
  try {
    const [folder, binary] = await Promise.all([readlink(`/proc/${pid}/cwd`), readlink(`/proc/${pid}/exe`)]);
    return folder === data && basename(binary).startsWith('postgres'); // "postgres (deleted)" after an upgrade
  } catch {
    return false; // gone, a zombie, or another user's
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it went by itself; if it did not, the next look finds it
  }
}
