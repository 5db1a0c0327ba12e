import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DtaError } from '@dta/errors';
import { freePort } from './free-port.js';
import { spawnWithParent } from './spawn-with-parent.js';
import { fetchTool } from './toolbox.js';

/** How {@link startNatsServer} starts a server. */
export interface NatsServerOptions {
  /** Lines for the server's configuration file: accounts, permissions. */
  config?: string;
  /** Limit of one message in bytes; 2 MiB by default. */
  maxPayload?: number;
  /** A port on 127.0.0.1; a free one by default. */
  port?: number;
}

/** A running NATS server. */
export interface NatsServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Ends it in order; settles when the process is gone. */
  stop(): Promise<void>;
  /** Ends it as a crash would (SIGKILL); settles when the process is gone. */
  kill(): Promise<void>;
}

const startLimitMs = 60_000;

/**
 * Starts a real NATS server on 127.0.0.1; settles when it takes connections. It ends with this process, on Linux even
 * where that is killed.
 *
 * @throws DtaError `start_failed` with the server's last words
 */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const { config = '', maxPayload = 2 * 1024 * 1024 } = options;
  const program = await fetchTool('nats-server');
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort());
    const folder = await mkdtemp(join(tmpdir(), 'dta-nats-'));
    const file = join(folder, 'nats.conf');
    await writeFile(file, `listen: "127.0.0.1:${port}"\nmax_payload: ${maxPayload}\n${config}\n`);
    try {
      return await start(program, file, port);
    } catch (error) {
      if (options.port !== undefined || attempt === 3) throw error; // another process may have taken the free port
    } finally {
      await rm(folder, { recursive: true, force: true }); // it is read once
    }
  }
}

async function start(program: string, file: string, port: number): Promise<NatsServer> {
  const child = spawnWithParent(program, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let lastWords = '';
  child.stderr?.on('data', (text: Buffer) => (lastWords = (lastWords + text.toString()).slice(-2_000)));
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await gone;
  };
  const limit = Date.now() + startLimitMs;
  while (!(await takesConnections(port))) {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined || Date.now() > limit) {
      await end('SIGKILL');
      throw new DtaError('start_failed', `nats-server did not start: ${lastWords.trim() || 'it said nothing'}`);
    }
    await delay(20);
  }
  if (child.pid === undefined || child.exitCode !== null) {
    await end('SIGKILL');
    throw new DtaError('start_failed', `nats-server did not start: port ${port} belongs to another process`);
  }
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    pid: child.pid,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

/** Whether a NATS server greets on the port. */
function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const done = (greeted: boolean) => {
      socket.destroy();
      resolve(greeted);
    };
    socket.setTimeout(1_000, () => done(false));
    socket.once('error', () => done(false));
    socket.once('data', (greeting) => done(greeting.subarray(0, 4).toString() === 'INFO'));
  });
}
