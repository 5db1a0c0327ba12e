import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@dta/postgres';
import { startKuboSwarm } from './kubo-swarm.js';
import { startNatsServer } from './nats-server.js';
import { makeTokenFolder } from './softhsm.js';

/** A service that a test run shares. */
export type ServiceName = 'postgres' | 'nats' | 'kubo';

interface Service {
  readonly url: string;
  stop(): Promise<void>;
}

type Starter = (runFolder: string) => Promise<Service>;

const startOwnPostgres: Starter = async (runFolder) => {
  // what a test run holds is lost with the machine anyway, so it needn't wait for the disk
  const settings = { max_connections: '300', fsync: 'off', full_page_writes: 'off' };
  const server = await startEmbeddedPostgres({ directory: join(runFolder, 'postgres'), settings });
  return { url: server.url('postgres'), stop: () => server.stop() };
};

const starters: Readonly<Record<ServiceName, Starter>> = {
  postgres: async (runFolder) => {
    const given = process.env[postgresVariable] ?? '';
    return given === '' ? startOwnPostgres(runFolder) : { url: given, stop: async () => undefined };
  },
  nats: () => startNatsServer(),
  kubo: async () => {
    const {
      nodes: [node],
      stop,
    } = await startKuboSwarm(1);
    if (node === undefined) throw new Error('a swarm of one has a node');
    return { url: node.url, stop };
  },
};

const addressVariable = 'DTA_TEST_SERVICES';
/**
 * Address of a PostgreSQL server for the run in the place of its own: of another version, say. Its user may make databases,
 * and the run leaves it running.
 */
const postgresVariable = 'DTA_TEST_POSTGRES';
/** What folders of a run are called, before the id of the process that made them. */
export const runFolderPrefix = 'dta-test-';

/** The services of a test run. */
export interface RunServices {
  /** Stops those that were started and removes their folder. */
  stop(): Promise<void>;
}

/**
 * Opens the services of a test run. None runs yet: this process starts each when {@link serviceUrl} first asks for it,
 * here or in a worker process, so tests that need none don't wait, and however many ask, each starts once.
 */
export async function openRunServices(): Promise<RunServices> {
  await removeLeftRuns();
  const runFolder = await mkdtemp(join(tmpdir(), `${runFolderPrefix}${process.pid}-`));
  await chmod(runFolder, 0o755); // the database server may run as another user
  const door = join(runFolder, 'door'); // but only we may ask for addresses, which hold passwords
  await mkdir(door, { mode: 0o700 });

  const started = new Map<ServiceName, Promise<Service>>();
  const sockets = new Set<Socket>();
  const desk = createServer((socket) => {
    sockets.add(socket.once('close', () => sockets.delete(socket)).on('error', () => undefined));
    socket.setEncoding('utf8').once('data', (asked) => {
      const name = String(asked).trim();
      if (!isServiceName(name)) return socket.end(JSON.stringify({ error: `no service ${name}` }));
      const service = started.get(name) ?? starters[name](runFolder);
      started.set(name, service);
      service.then(
        ({ url }) => socket.end(JSON.stringify({ url })),
        (error: unknown) => socket.end(JSON.stringify({ error: String(error) })),
      );
      return undefined;
    });
  });
  const address = join(door, 'services');
  await new Promise<void>((listening, failed) => desk.once('error', failed).listen(address, listening));
  desk.unref();
  process.env[addressVariable] = address;
  // SoftHSM asks the process's own environment, not a test's copy, when a process first loads it
  process.env['SOFTHSM2_CONF'] = await makeTokenFolder(join(door, 'softhsm'));

  return {
    stop: async () => {
      desk.close();
      for (const socket of sockets) socket.destroy();
      for (const result of await Promise.allSettled(started.values())) {
        if (result.status === 'fulfilled') await result.value.stop();
      }
      await rm(runFolder, { recursive: true, force: true });
    },
  };
}

/**
 * The address of a service of this run, which starts where nobody asked before.
 *
 * @throws Error where no run is open (tests run by Jest have one) or the service did not start.
 */
export async function serviceUrl(name: ServiceName): Promise<string> {
  const address = process.env[addressVariable];
  if (address === undefined) throw new Error('no test services: run under Jest, or call openRunServices() first');
  const answer = await new Promise<string>((done, failed) => {
    let text = '';
    const socket = connect(address, () => socket.write(`${name}\n`));
    socket.setEncoding('utf8').on('data', (part) => (text += String(part)));
    socket.once('error', failed).once('close', () => done(text));
  });
  // what openRunServices answers; nothing where it was stopped meanwhile
  const { url, error } = JSON.parse(answer === '' ? '{}' : answer) as { url?: string; error?: string };
  if (url === undefined) throw new Error(`${name} did not start: ${error ?? 'the test run is ending'}`);
  return url;
}

function isServiceName(name: string): name is ServiceName {
  return Object.hasOwn(starters, name);
}

/** Runs that were killed leave a folder, and a database server at it: takes it over, to stop it. */
async function removeLeftRuns(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = /^dta-test-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    const runFolder = join(tmpdir(), name);
    try {
      if ((await readdir(runFolder)).includes('postgres')) await (await startOwnPostgres(runFolder)).stop();
      await rm(runFolder, { recursive: true, force: true });
    } catch {
      // another user's, or another run is at it
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return typeof error === 'object' && error !== null && 'code' in error && error.code === 'EPERM';
  }
}

/** A name no other suite has: `suite_` and 12 hexadecimal digits, fit for a database or a NATS subject. */
export function freshName(): string {
  return `suite_${randomBytes(6).toString('hex')}`;
}
