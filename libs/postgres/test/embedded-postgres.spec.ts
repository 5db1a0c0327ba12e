import { type ChildProcess, spawn } from 'node:child_process';
import { pbkdf2 } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../src/index.js';

jest.setTimeout(180_000);

const asRoot = process.getuid?.() === 0 ? test : test.skip;
let base: string;
let directory: string;
let running: EmbeddedPostgres[];
let parents: ChildProcess[];

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'dta-postgres-'));
  await chmod(base, 0o755);
  directory = join(base, 'pg');
  running = [];
  parents = [];
});

afterEach(async () => {
  for (const parent of parents) parent.kill('SIGKILL');
  for (const server of running) await server.stop();
  await rm(base, { recursive: true, force: true });
});

/** Where power never fails; what a killed process loses or keeps is the same. */
const quick = { max_connections: '20', fsync: 'off' };

async function start(at = directory, settings: Record<string, string> = quick): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ directory: at, settings });
  running.push(server);
  return server;
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** What a parent that is killed with -9 leaves: the server's own pid and port. */
async function killParent(program: 'start-and-wait' | 'start-orphan', ...args: string[]) {
  const parent = spawn(process.execPath, [join(import.meta.dirname, `${program}.js`), directory, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  parents.push(parent);
  // what both write
  const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  return JSON.parse(line) as { pid: number; port: number }; // as above
}

/** A server that outlives its parent, at a folder that was used before. */
const leaveServerBehind = (port: number) => killParent('start-orphan', String(port));

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const limit = Date.now() + 90_000; !(await holds()); await delay(20)) {
    if (Date.now() > limit) throw new Error('it did not come about');
  }
}

const isAlive = (pid: number) => existsSync(`/proc/${pid}`);

const refusal = (message: RegExp) =>
  expect.objectContaining({ code: 'start_failed', message: expect.stringMatching(message) });

describe('start and stop', () => {
  test('keeps rows over a restart, and says when it is gone', async () => {
    const first = await start();
    await first.ensureDatabase('orders');
    await first.ensureDatabase('orders');
    await query(first.url('orders'), 'CREATE TABLE t AS SELECT 7 AS n');
    await first.stop();
    await first.stop();
    expect(() => process.kill(first.pid, 0)).toThrow('ESRCH');

    const second = await start();
    expect(second.password).toBe(first.password);
    expect(await query(second.url('orders'), 'SELECT n FROM t')).toEqual([{ n: 7 }]);
  });

  test('is durable, asks every connection for a password, listens on 127.0.0.1 and nowhere else', async () => {
    const server = await start(directory, {});
    const settings = [
      'fsync',
      'synchronous_commit',
      'listen_addresses',
      'unix_socket_directories',
      'password_encryption',
    ];
    const rows = await query(
      server.url('postgres'),
      `SELECT name, setting FROM pg_settings WHERE name = ANY('{${settings.join()}}')`,
    );
    expect(Object.fromEntries(rows.map((row) => [row['name'], row['setting']]))).toEqual({
      fsync: 'on',
      synchronous_commit: 'on',
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      password_encryption: 'scram-sha-256',
    });
    const rules = await query(server.url('postgres'), 'SELECT DISTINCT auth_method FROM pg_hba_file_rules');
    expect(rules).toEqual([{ auth_method: 'scram-sha-256' }]);
    const wrong = server.url('postgres').replace(server.password, 'guess');
    await expect(query(wrong, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    expect((await stat(join(directory, 'password'))).mode & 0o777).toBe(0o600);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
  });

  test('caller settings count, but not those that open the server to others', async () => {
    const settings = { max_connections: '33', listen_addresses: '*', port: '1', fsync: 'off' };
    const server = await start(directory, settings);
    expect(await query(server.url('postgres'), 'SHOW max_connections')).toEqual([{ max_connections: '33' }]);
    expect(await query(server.url('postgres'), 'SHOW listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
    expect(server.port).not.toBe(1);
  });

  test('text sorts by code point, on every machine alike', async () => {
    const server = await start();
    const rows = await query(server.url('postgres'), `SELECT v FROM unnest('{b,B,a,ä}'::text[]) AS v ORDER BY v`);
    expect(rows.map((row) => row['v'])).toEqual(['B', 'a', 'b', 'ä']);
  });

  test('refuses names of databases that would need quoting, or that PostgreSQL would cut', async () => {
    const server = await start();
    for (const name of ['Orders', '1st', 'a"b', '', 'a'.repeat(64)]) {
      await expect(server.ensureDatabase(name)).rejects.toMatchObject({ code: 'request_invalid' });
    }
    await server.ensureDatabase('a'.repeat(63));
  });

  test('of several that make one database at once, all succeed', async () => {
    const server = await start();
    await Promise.all(Array.from({ length: 6 }, () => server.ensureDatabase('shared')));
  });
});

asRoot('as root below a folder closed to others, like root’s home, it runs all the same, as another user', async () => {
  await chmod(base, 0o700);
  const first = await start();
  await first.ensureDatabase('orders');
  await query(first.url('orders'), 'CREATE TABLE t AS SELECT n FROM generate_series(1, 100000) AS n');
  const parallel = 'SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;';
  await query(first.url('orders'), `${parallel} SELECT sum(n) FROM t`);
  expect((await stat(`/proc/${first.pid}`)).uid).not.toBe(0);
  await expect(start()).rejects.toEqual(refusal(/in use/));
  process.kill(first.pid, 'SIGKILL');
  await first.stop();
  expect(await query((await start()).url('orders'), 'SELECT count(*)::int AS n FROM t')).toEqual([{ n: 100_000 }]);
});

describe('after kill -9', () => {
  test('of the parent: takes over from the server left behind, with every committed row', async () => {
    const first = await start();
    await query(first.url('postgres'), 'CREATE TABLE t (n int)');
    await first.stop();
    const { pid, port } = await leaveServerBehind(first.port);
    expect(() => process.kill(pid, 0)).not.toThrow();
    const left = first.url('postgres').replace(String(first.port), String(port));
    await query(left, 'INSERT INTO t VALUES (1)');
    const client = new pg.Client({ connectionString: left }); // and a connection that stays open does not stop it
    client.on('error', () => undefined);
    await client.connect();

    const second = await start();
    expect(second.pid).not.toBe(pid);
    expect(await query(second.url('postgres'), 'SELECT n FROM t')).toEqual([{ n: 1 }]);
    await expect(client.query('SELECT 1')).rejects.toThrow();
    await client.end().catch(() => undefined);
  });

  test('of the parent: the server ends with it, with every committed row kept', async () => {
    const { pid } = await killParent('start-and-wait');
    await until(() => !isAlive(pid));
    const second = await start();
    expect(await query(second.url('postgres'), 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  test('of the server: it is started again on its port, again and again, until it is stopped', async () => {
    const said: string[] = [];
    const server = await startEmbeddedPostgres({ directory, settings: quick, restart: (text) => said.push(text) });
    running.push(server);
    const url = server.url('postgres');
    await query(url, 'CREATE TABLE t AS SELECT 7 AS n');
    for (let times = 1; times <= 2; times++) {
      const before = server.pid;
      process.kill(before, 'SIGKILL');
      await until(() => said.filter((text) => text === 'PostgreSQL is back').length === times);
      expect(server.pid).not.toBe(before);
      expect(await query(url, 'SELECT n FROM t')).toEqual([{ n: 7 }]);
    }
    await server.stop();
    await until(() => !isAlive(server.pid));
    expect(said.at(-1)).toBe('PostgreSQL is back');
  });

  test('of the server, while it can not be started: it is tried until it can', async () => {
    const said: string[] = [];
    const server = await startEmbeddedPostgres({ directory, settings: quick, restart: (text) => said.push(text) });
    running.push(server);
    const [control, aside] = [join(directory, 'data', 'global', 'pg_control'), join(directory, 'control')];
    await rename(control, aside);
    process.kill(server.pid, 'SIGKILL');
    await until(() => said.some((text) => /did not start in .*pg_control.*; it is tried again$/.test(text)));
    await rename(aside, control);
    await until(() => said.includes('PostgreSQL is back'));
    expect(await query(server.url('postgres'), 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  test('of parent and server: recovers', async () => {
    const first = await start();
    await first.stop();
    const { pid } = await leaveServerBehind(first.port);
    process.kill(pid, 'SIGKILL');
    const server = await start();
    expect(await query(server.url('postgres'), 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  test('with a postmaster.pid whose number now belongs to another process', async () => {
    const first = await start();
    await first.stop();
    await writeFile(join(directory, 'data', 'postmaster.pid'), `${process.pid}\n${join(directory, 'data')}\n0\n1\n`);
    await start();
  });

  test('during initdb: begins again and leaves nothing of the first behind', async () => {
    await (await start()).stop();
    // what is there when initdb was killed: a folder under another name, half written
    await rename(join(directory, 'data'), join(directory, 'data.new-0123456789ab'));
    await rm(join(directory, 'data.new-0123456789ab', 'global'), { recursive: true });
    const server = await start();
    expect(await query(server.url('postgres'), 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    expect((await readdir(directory)).sort()).toEqual(['data', 'password']);
  });
});

describe('refuses with one sentence', () => {
  test('a folder that a running node uses, this process or another', async () => {
    await start();
    await expect(start()).rejects.toEqual(refusal(/is in use by another running node$/));
    const other = spawn(process.execPath, [join(import.meta.dirname, 'start-and-wait.js'), directory], {
      stdio: 'pipe',
    });
    parents.push(other);
    let said = '';
    other.stderr.on('data', (text: Buffer) => (said += text.toString()));
    await once(other, 'close');
    expect(said).toMatch(/is in use by another running node/);
  });

  test('of two that start at one new folder at once, one', async () => {
    const both = await Promise.allSettled([start(), start()]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({ reason: refusal(/in use/) });
  });

  test('a damaged PG_VERSION, and leaves the data as they are', async () => {
    await (await start()).stop();
    const before = await readdir(join(directory, 'data'));
    await truncate(join(directory, 'data', 'PG_VERSION'));
    await expect(start()).rejects.toEqual(refusal(/is damaged .* put back a backup/));
    await rm(join(directory, 'data', 'PG_VERSION'));
    await expect(start()).rejects.toEqual(refusal(/is damaged/));
    expect(await readdir(join(directory, 'data'))).toEqual(before.filter((name) => name !== 'PG_VERSION'));
    await writeFile(join(directory, 'data', 'PG_VERSION'), '15\n');
    await expect(start()).rejects.toEqual(refusal(/was written by PostgreSQL 15 and this is \d+/));
    await writeFile(join(directory, 'data', 'PG_VERSION'), '18\n', { mode: 0o600 });
    await start(); // a refused start lets go of the folder
  });

  test('damage further in, with what PostgreSQL says', async () => {
    await (await start()).stop();
    await rm(join(directory, 'data', 'global', 'pg_control'));
    await expect(start()).rejects.toEqual(refusal(/did not start in .*pg_control/));
  });

  test('data whose password is gone', async () => {
    await (await start()).stop();
    await rm(join(directory, 'password'));
    await expect(start()).rejects.toEqual(refusal(/password file .* is gone/));
  });

  test('a setting that PostgreSQL does not know', async () => {
    const settings = { ...quick, no_such_setting: '1' };
    await expect(start(directory, settings)).rejects.toEqual(refusal(/no_such_setting/));
  });

  test('a server that ends at once while this process is busy: its end is told once', async () => {
    await (await start()).stop();
    let over = false;
    const threads = Array.from({ length: 4 }, async () => {
      while (!over) await promisify(pbkdf2)('', '', 200_000, 32, 'sha512'); // file operations wait for each
    });
    try {
      await expect(start(directory, { ...quick, no_such_setting: '1' })).rejects.toEqual(refusal(/no_such_setting/));
    } finally {
      over = true;
      await Promise.all(threads);
    }
  }, 180_000);

  test('a folder that can not be made', async () => {
    await writeFile(join(base, 'file'), '');
    await expect(start(join(base, 'file', 'pg'))).rejects.toEqual(refusal(/can't make the folder/));
  });

  asRoot('a folder that is not its own', async () => {
    await mkdir(directory);
    await writeFile(join(directory, 'letter'), 'somebody else');
    await expect(start()).rejects.toEqual(refusal(/belongs to user 0, but PostgreSQL would run as user/));
    expect(await readFile(join(directory, 'letter'), 'utf8')).toBe('somebody else');
    expect((await stat(directory)).uid).toBe(0);
  });
});
