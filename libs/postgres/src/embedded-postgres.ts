import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DtaError } from '@dta/errors';
import pg from 'pg';
import { installedBinaries, serverBinaries, type InstalledBinaries } from './binaries.js';
import { lockFolder, type FolderLock } from './folder-lock.js';
import { endLeftoverServer } from './leftover-server.js';
import { account, checkData, hasData, makeData, openFolder, readPassword } from './server-folder.js';
import { startProgram, withRealPaths, type ServerHome, type ServerProcess } from './server-program.js';
import { serverUser } from './server-user.js';
import { startFailure } from './start-failure.js';

/** How to start a server. */
export interface EmbeddedPostgresOptions {
  /** The server's own folder, made where it is missing: data, password, and nothing else of the node's. */
  readonly directory: string;
  /** Those that npm installed, by default; or of another version, 15 or later. */
  readonly binaries?: InstalledBinaries;
  /** Gets the server's log, line by line. */
  readonly log?: (line: string) => void;
  /** More server settings, such as `max_connections`; those that keep the server on 127.0.0.1 can't be changed. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Has a server that dies started again, on the same port, for as long as it takes; told what happens, in sentences. */
  readonly restart?: (sentence: string) => void;
}

/** A running server. */
export interface EmbeddedPostgres {
  /** On 127.0.0.1; another at every start. */
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Process id of the postmaster; another after a restart. */
  readonly pid: number;
  /** The address of `database` with user and password in it: a secret, never to be logged. */
  url(database: string): string;
  /**
   * Makes the database where it is missing.
   *
   * @throws DtaError `request_invalid` for a name that is not 1 to 63 of `a-z 0-9 _`, beginning with a letter.
   */
  ensureDatabase(name: string): Promise<void>;
  /** Ends every connection and the server, and resolves when its process is gone; again and again if you like. */
  stop(): Promise<void>;
}

const startTimeout = 120_000; // recovery after a crash is part of a start
const portAttempts = 5;

/**
 * Starts the PostgreSQL server that comes as an npm package, on a free port of 127.0.0.1 and on no Unix socket; every
 * connection needs a password. Commits are durable (`fsync` and `synchronous_commit` are on). Where a killed process
 * left a server at the folder, that one is ended first. Nothing is installed at import and no signal is caught: the
 * caller stops the server; one that it didn't stop ends with this process, on Linux even where that is killed.
 *
 * @throws DtaError `start_failed` with one sentence: no binaries for this platform, folder in use by a running node,
 * closed to the server's user or another user's, data damaged or of another version, disk full, or what PostgreSQL said.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const installed = options.binaries ?? (await installedBinaries());
  const user = await serverUser();
  const directory = await openFolder(resolve(options.directory), user);
  const password = await readPassword(directory, user);
  const lock = await lockFolder(directory, password);
  try {
    const home: ServerHome = { native: await serverBinaries(user, installed), directory, user };
    const settings = { ...options.settings };
    if (await hasData(directory)) {
      await checkData(home);
      await endLeftoverServer(join(directory, 'data'));
    } else {
      await makeData(home, settings['fsync'] !== 'off', installed.version);
    }
    const log = options.log ?? (() => undefined);
    const server = await startServer(home, settings, log);
    const { restart } = options;
    if (restart === undefined) return handle({ server: () => server, stop: () => endServer(server) }, password, lock);
    return handle(
      supervise(server, (port) => startAgain(home, settings, log, port), restart),
      password,
      lock,
    );
  } catch (error) {
    await lock.release();
    throw error;
  }
}

interface Server {
  readonly child: ServerProcess;
  readonly pid: number;
  readonly port: number;
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>;
}

type Settings = Readonly<Record<string, string>>;

async function startServer(home: ServerHome, settings: Settings, log: (line: string) => void): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    let said = '';
    const server = await spawnServer(home, settings, log, (text) => (said = (said + text).slice(-16_384)));
    if (await isReady(server, join(home.directory, 'data'))) return server;
    await endServer(server);
    const portTaken = /could not bind|could not create any TCP\/IP sockets/.test(said);
    if (!portTaken || attempt === portAttempts) throw startFailure(home.directory, withRealPaths(said, home));
  }
}

/** At the port that everybody knows, after what is left of the server that died. @throws DtaError `start_failed` */
async function startAgain(
  home: ServerHome,
  settings: Settings,
  log: (line: string) => void,
  port: number,
): Promise<Server> {
  const data = join(home.directory, 'data');
  await endLeftoverServer(data);
  let said = '';
  const server = await spawnServer(home, settings, log, (text) => (said = (said + text).slice(-16_384)), port);
  if (await isReady(server, data)) return server;
  await endServer(server);
  throw startFailure(home.directory, withRealPaths(said, home));
}

async function spawnServer(
  home: ServerHome,
  settings: Settings,
  log: (line: string) => void,
  hear: (text: string) => void,
  samePort?: number,
): Promise<Server> {
  const port = samePort ?? (await freePort());
  const closed = { listen_addresses: '127.0.0.1', unix_socket_directories: '' };
  const all = { ...settings, ...closed, port: String(port), logging_collector: 'off' };
  const child = startProgram(home, 'postgres', (folder) => [
    ...['-D', `${folder}/data`],
    ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]);
  endWithThisProcess(child);
  let line = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    hear(text);
    const lines = (line + text).split('\n');
    line = lines.pop() ?? '';
    lines.forEach(log);
  });
  const gone = new Promise<void>((done) => {
    child.once('close', () => done());
    child.once('error', (error) => {
      hear(`FATAL: ${error.message}`);
      done();
    });
  });
  return { child, pid: child.pid ?? -1, port, gone };
}

/** Servers of this process that run. */
const running = new Set<ServerProcess>();

/**
 * Has the server shut down at once (the next start repairs it) where this process exits without stopping it: at a second
 * signal, or an exception that nobody caught.
 */
function endWithThisProcess(child: ServerProcess): void {
  if (running.size === 0) process.once('exit', endAll);
  running.add(child);
  child.once('close', () => {
    running.delete(child);
    if (running.size === 0) process.off('exit', endAll);
  });
}

function endAll(): void {
  for (const child of running) child.kill('SIGQUIT');
}

/** Waits as pg_ctl does: for the word in the eighth line of the lock file, which no log setting can hide. */
async function isReady(server: Server, data: string): Promise<boolean> {
  let ended = false;
  void server.gone.then(() => (ended = true));
  for (const end = performance.now() + startTimeout; !ended && performance.now() < end; await sleep(20)) {
    const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
    if (Number(lines[0]) === server.pid && lines[7]?.trim() === 'ready') return true;
  }
  return false;
}

async function endServer({ child, gone }: Server): Promise<void> {
  let ended = false;
  const end = gone.then(() => (ended = true));
  // fast shutdown; immediate shutdown, which the next start repairs; the kernel
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    child.kill(signal);
    const patience = new AbortController();
    await Promise.race([end, sleep(10_000, undefined, { signal: patience.signal }).catch(() => undefined)]);
    patience.abort();
    if (ended) return;
  }
  await end;
}

interface Supervised {
  /** The one that runs now, or ran last. */
  server(): Server;
  stop(): Promise<void>;
}

/** Starts a server that died again, on its port: at once, then after waits that double up to 10 s, until it is stopped. */
function supervise(
  first: Server,
  again: (port: number) => Promise<Server>,
  tell: (sentence: string) => void,
): Supervised {
  let server = first;
  const stopping = new AbortController();
  const { signal } = stopping;
  const watch = async () => {
    for (let wait = RESTART_MIN_MS; ;) {
      await server.gone;
      if (signal.aborted) return;
      tell('PostgreSQL ended by itself and is started again');
      try {
        server = await again(first.port);
        if (signal.aborted) return await endServer(server); // told to stop meanwhile
        tell('PostgreSQL is back');
        wait = RESTART_MIN_MS;
      } catch (error) {
        tell(`${messageOf(error)}; it is tried again`);
        await sleep(wait, undefined, { signal }).catch(() => undefined); // told to stop meanwhile
        wait = Math.min(wait * 2, RESTART_MAX_MS);
      }
    }
  };
  const watching = watch();
  return {
    server: () => server,
    stop: async () => {
      stopping.abort();
      await endServer(server);
      await watching;
    },
  };
}

const RESTART_MIN_MS = 250;
const RESTART_MAX_MS = 10_000;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Marks the folder of a server as used, as a server that runs does, and starts none: for work on files beside it.
 *
 * @throws DtaError `start_failed` where it is in use by a running node, closed to the server's user or another user's
 */
export async function holdServerFolder(directory: string): Promise<FolderLock> {
  const user = await serverUser();
  const folder = await openFolder(resolve(directory), user);
  return lockFolder(folder, await readPassword(folder, user));
}

function handle({ server, stop }: Supervised, password: string, lock: FolderLock): EmbeddedPostgres {
  const { port } = server();
  const url = (database: string): string => `postgres://${account}:${password}@127.0.0.1:${port}/${database}`;
  let stopped: Promise<void> | undefined;
  return {
    port,
    user: account,
    password,
    get pid() {
      return server().pid;
    },
    url,
    ensureDatabase: (name) => ensureDatabase(url('postgres'), name),
    stop: () => (stopped ??= stop().then(() => lock.release())),
  };
}

async function ensureDatabase(adminUrl: string, name: string): Promise<void> {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(name)) {
    throw new DtaError('request_invalid', `not a database name: ${JSON.stringify(name)}`);
  }
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (rowCount === 0) await client.query(`CREATE DATABASE "${name}"`);
  } catch (error) {
    // another was faster: duplicate_database, or unique_violation where both were inside CREATE DATABASE
    const faster = error instanceof pg.DatabaseError && (error.code === '42P04' || error.code === '23505');
    if (!faster) throw error;
  } finally {
    await client.end();
  }
}

function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const probe = createServer()
      .once('error', failed)
      .listen(0, '127.0.0.1', () => {
        const address = probe.address();
        probe.close(() => {
          if (address === null || typeof address === 'string') failed(new DtaError('start_failed', 'no free port'));
          else done(address.port);
        });
      });
  });
}
