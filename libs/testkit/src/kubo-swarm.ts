import type { ChildProcess } from 'node:child_process';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { DtaError } from '@dta/errors';
import { freePort } from './free-port.js';
import { runFolderPrefix } from './run-services.js';
import { spawnWithParent } from './spawn-with-parent.js';
import { checkoutRoot, fetchTool } from './toolbox.js';

/** A running Kubo node. */
export interface KuboNode {
  /** Of its RPC, the same after a restart. */
  readonly url: string;
  readonly pid: number;
  /** Ends it in order; settles when the process is gone. */
  stop(): Promise<void>;
  /** Ends it as a crash would (SIGKILL); settles when the process is gone. */
  kill(): Promise<void>;
  /** Starts it again on its repository, after {@link stop} or {@link kill}; settles when it answers. */
  restart(): Promise<void>;
  /** Stops its clock: connections stay, and nothing is answered (SIGSTOP). */
  pause(): void;
  /** Lets it go on where it was (SIGCONT). */
  resume(): void;
}

/** Kubo nodes on a private swarm of their own, each a peer of each other. */
export interface KuboSwarm {
  readonly nodes: readonly KuboNode[];
  /** Ends all and removes their files. */
  stop(): Promise<void>;
}

const startLimitMs = 180_000; // of a busy machine
const run = promisify(execFile);

/**
 * Starts real Kubo nodes on 127.0.0.1, made by the sample configuration (`deploy/kubo`) with a new swarm key. They end with
 * this process, on Linux even where that is killed.
 *
 * @throws DtaError `start_failed` with a node's last words
 */
export async function startKuboSwarm(count: number): Promise<KuboSwarm> {
  const folder = await mkdtemp(join(tmpdir(), `${runFolderPrefix}${process.pid}-kubo-`));
  const nodes: KuboNode[] = [];
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    for (let at = 1; at <= count; at += 1)
      nodes.push(await startNode(join(folder, `${at}`), join(folder, 'swarm.key')));
    const addresses = await Promise.all(nodes.map(addressOf));
    await Promise.all(
      nodes.map((node, at) =>
        peer(
          node,
          addresses.filter((_, other) => other !== at),
        ),
      ),
    );
    return { nodes, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startNode(repository: string, swarmKey: string): Promise<KuboNode> {
  const program = await fetchTool('ipfs');
  await mkdir(repository);
  const [rpcPort, swarmPort] = [await freePort(), await freePort()];
  const environment = { PATH: process.env['PATH'] ?? '', HOME: repository, IPFS_PATH: repository, IPFS: program };
  await run(join(checkoutRoot(), 'deploy', 'kubo', 'prepare.sh'), [swarmKey], {
    env: {
      ...environment,
      KUBO_RPC: `/ip4/127.0.0.1/tcp/${rpcPort}`,
      KUBO_SWARM: `/ip4/127.0.0.1/tcp/${swarmPort}`,
    },
  });
  const url = `http://127.0.0.1:${rpcPort}`;
  const launch = () => launchDaemon(program, { ...environment, LIBP2P_FORCE_PNET: '1' });
  let daemon = launch();
  const end = async (signal: NodeJS.Signals) => {
    daemon.child.kill(signal);
    daemon.child.kill('SIGCONT'); // a paused process takes SIGTERM when it goes on
    await daemon.gone;
  };
  const ready = async () => {
    try {
      await untilAnswers(url, daemon);
    } catch (error) {
      await end('SIGKILL');
      throw error;
    }
  };
  await ready();
  return {
    url,
    get pid() {
      return daemon.child.pid ?? -1;
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    restart: async () => {
      daemon = launch();
      await ready();
    },
    pause: () => void daemon.child.kill('SIGSTOP'),
    resume: () => void daemon.child.kill('SIGCONT'),
  };
}

interface Daemon {
  readonly child: ChildProcess;
  readonly gone: Promise<void>;
  lastWords(): string;
}

function launchDaemon(program: string, env: Readonly<Record<string, string>>): Daemon {
  const child = spawnWithParent(program, ['daemon'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (text: Buffer) => (words = (words + text.toString()).slice(-2_000)));
  }
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  return { child, gone, lastWords: () => words };
}

async function untilAnswers(url: string, { gone, lastWords }: Daemon): Promise<void> {
  let isGone = false;
  void gone.then(() => (isGone = true));
  for (const limit = Date.now() + startLimitMs; ; await delay(50)) {
    if (isGone || Date.now() > limit) {
      throw new DtaError('start_failed', `ipfs did not start: ${lastWords().trim() || 'it said nothing'}`);
    }
    if (
      await rpc(url, 'id').then(
        () => true,
        () => false,
      )
    )
      return;
  }
}

async function addressOf({ url }: KuboNode): Promise<string> {
  const { Addresses: [address] = [] } = (await rpc(url, 'id')) as { Addresses?: string[] }; // Kubo's RPC
  if (address === undefined) throw new DtaError('start_failed', `the Kubo node at ${url} listens to no peer`);
  return address;
}

/** Peers for good, so that a node that was away is found again, and connected now. */
async function peer({ url }: KuboNode, addresses: readonly string[]): Promise<void> {
  if (addresses.length === 0) return;
  const peers = addresses.map((address) => {
    const [, at, id] = /^(.+)\/p2p\/(.+)$/.exec(address) ?? [];
    return { ID: id, Addrs: [at] };
  });
  await rpc(url, `config?arg=Peering.Peers&json=true&arg=${encodeURIComponent(JSON.stringify(peers))}`);
  for (const address of addresses) {
    await rpc(url, `swarm/peering/add?arg=${encodeURIComponent(address)}`);
    await rpc(url, `swarm/connect?arg=${encodeURIComponent(address)}`);
  }
}

async function rpc(url: string, command: string): Promise<unknown> {
  const response = await fetch(`${url}/api/v0/${command}`, { method: 'POST', signal: AbortSignal.timeout(10_000) });
  const text = await response.text();
  if (!response.ok) throw new DtaError('start_failed', `Kubo refuses ${command}: ${text}`);
  return JSON.parse(text);
}
