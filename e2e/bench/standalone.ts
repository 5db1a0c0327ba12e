import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freshToken, makeTokenFolder, startKuboSwarm } from '@dta/testkit';

const STANDALONE = join(import.meta.dirname, '../../../apps/standalone');
const MAIN = join(STANDALONE, 'dist/src/main.js');
const { config } = JSON.parse(readFileSync(join(STANDALONE, 'package.json'), 'utf8')) as {
  config: { nodeFlags: string[] }; // ours: by what `npm start` starts it
};
/** Ticks of /proc/<pid>/stat are hundredths of a second on Linux. */
const TICK_MS = 10;

/** What orders are placed at. */
export interface LoadTarget {
  readonly api: string;
  /** Of each request, beside its own. */
  readonly headers: Readonly<Record<string, string>>;
  readonly fiduciaries: readonly string[];
  /** CPU time in ms so far: of the node's processes, and of its database where that is its own */
  cpu(): { node: number; postgres: number };
}

/** A standalone node in a process and folder of its own. */
export interface BenchNode extends LoadTarget {
  /** resident memory of the node's process, bytes */
  memory(): number;
  stop(): Promise<void>;
}

/** What a node stands on: software custody and a folder, or a token of SoftHSM and a Kubo node. */
export type Parts = 'local' | 'real';

/** Starts one with `n` fiduciaries. */
export async function startNode(n: number, parts: Parts = 'local'): Promise<BenchNode> {
  const folder = mkdtempSync(join(tmpdir(), 'dta-bench-'));
  const token = parts === 'real' ? await freshToken(await makeTokenFolder(join(folder, 'softhsm'))) : null;
  const swarm = parts === 'real' ? await startKuboSwarm(1) : null;
  const args = ['--port', '0', '--fiduciaries', String(n), '--data', join(folder, 'data')];
  if (token !== null) args.push('--pkcs11', token.module);
  for (const { url } of swarm?.nodes ?? []) args.push('--kubo', url);
  const pin = token && { ...token.environment, CUSTODY_PKCS11_TOKEN: token.token, CUSTODY_PKCS11_PIN: token.pin };
  const child = spawn(process.execPath, [...config.nodeFlags, MAIN, ...args], {
    env: { ...process.env, ...pin },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await portOf(child);
  const api = `http://127.0.0.1:${port}`;
  const listed: unknown = await (await fetch(`${api}/v1/identity?role=fiduciary`)).json();
  const { identities } = listed as { identities: { idDocumentCID: string }[] }; // our own API
  return {
    api,
    headers: {},
    fiduciaries: identities.map(({ idDocumentCID }) => idDocumentCID),
    cpu: () => cpuOf(child.pid ?? 0),
    memory: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) * 1024,
    stop: async () => {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
      await swarm?.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function portOf(child: ChildProcess): Promise<string> {
  let said = '';
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the node ended with ${code}: ${said}`)));
    child.stdout?.on('data', (bytes: Buffer) => {
      said += bytes.toString();
      const port = /ready on http:\/\/localhost:(\d+)/.exec(said)?.[1];
      if (port !== undefined) resolve(port);
    });
  });
}

/** CPU time in ms that a process has used so far; 0 where it is gone. */
export function processCpu(pid: number): number {
  return (statOf(String(pid))[0]?.ticks ?? 0) * TICK_MS;
}

function cpuOf(node: number): { node: number; postgres: number } {
  const stats = readdirSync('/proc').flatMap((pid) => statOf(pid));
  const children = (parent: number): typeof stats =>
    stats.filter(({ ppid }) => ppid === parent).flatMap((child) => [child, ...children(child.pid)]);
  const sum = (list: typeof stats) => list.reduce((total, { ticks }) => total + ticks, 0) * TICK_MS;
  return { node: sum(stats.filter(({ pid }) => pid === node)), postgres: sum(children(node)) };
}

/** Own and reaped children's user and system time; a process may end while it is read. */
function statOf(pid: string): { pid: number; ppid: number; ticks: number }[] {
  if (!/^\d+$/.test(pid)) return [];
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    const at = (index: number) => Number(fields[index]);
    return [{ pid: Number(pid), ppid: at(1), ticks: at(11) + at(12) }];
  } catch {
    return [];
  }
}
