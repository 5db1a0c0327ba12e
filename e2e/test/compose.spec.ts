import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { spawn, execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compileCache, freshDatabase, startNatsServer, type FreshDatabase, type NatsServer } from '@dta/testkit';
import { setTimeout as delay } from 'node:timers/promises';
import { parse } from 'yaml';

// docker-compose.yaml without containers, which containers.long.spec.ts has: its form, its settings, the files that it names,
// the scripts that it runs; and each of its processes started with exactly the environment that it gives, but for where the
// files and the services are.
jest.setTimeout(300_000);

const ROOT = join(import.meta.dirname, '../../..');
const roles = ['principal', 'beneficiary', 'fiduciary-1', 'fiduciary-2', 'fiduciary-3'] as const;

interface Service {
  readonly image?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
}

let services: Readonly<Record<string, Service>>;
let volumes: Readonly<Record<string, unknown>>;
let state: string;

beforeAll(async () => {
  const text = await readFile(join(ROOT, 'docker-compose.yaml'), 'utf8');
  // what Docker reads it as; its form is what the tests below look at
  ({ services, volumes } = parse(text, { merge: true }) as { services: typeof services; volumes: typeof volumes });
  state = await mkdtemp(join(tmpdir(), 'dta-compose-'));
  await script('prepare.sh');
});

afterAll(() => rm(state, { recursive: true, force: true }));

async function script(name: string): Promise<string> {
  const { stdout } = await promisify(execFile)('sh', [join(ROOT, 'deploy/compose', name), state], {
    env: { ...process.env, ...compileCache, DTA: `${process.execPath} ${join(ROOT, 'apps/cli/dist/src/main.js')}` },
  });
  return stdout;
}

const apps = () =>
  Object.entries(services).flatMap(([name, { command = [], environment = {} }]) => {
    const [, app] = /^apps\/(\w+)\/dist\/src\/main\.js$/.exec(command[1] ?? '') ?? [];
    return app === undefined ? [] : [{ name, app, environment }];
  });

/** Settings of an app, out of the page that is made from its schema: whether each is required. */
async function settingsOf(app: string): Promise<Map<string, boolean>> {
  const page = await readFile(join(ROOT, 'docs/configuration.md'), 'utf8');
  const [, table = ''] = new RegExp(`<!-- ${app}: npm run docs -->([^]*?)<!-- /${app} -->`).exec(page) ?? [];
  const rows = [...table.matchAll(/^\| `([A-Z0-9_]+)`.*\| (.*) \|$/gm)];
  return new Map(rows.map(([, name = '', fallback = '']) => [name, fallback === '**required**']));
}

test('has every role, the gateway and the stores', () => {
  expect(apps().map(({ name }) => name)).toEqual([...roles, 'gateway']);
  expect(Object.keys(services)).toEqual(expect.arrayContaining(['nats', 'postgres', 'kubo', 'prepare', 'migrate']));
});

test('names no service, volume or file that is not there', () => {
  for (const [name, { image, depends_on: after = {}, volumes: mounts = [] }] of Object.entries(services)) {
    expect([name, image]).toEqual([name, expect.stringMatching(/^(dta|dta-cli|[\w/]+:v?[\d.]+(-alpine)?)$/)]);
    for (const other of Object.keys(after)) expect(Object.keys(services)).toContain(other);
    for (const mount of mounts) {
      const [from = ''] = mount.split(':');
      if (from.startsWith('./')) expect([mount, existsSync(join(ROOT, from))]).toEqual([mount, true]);
      else expect(Object.keys(volumes)).toContain(from);
    }
  }
});

describe('the environment of each process', () => {
  test('has settings of that process alone, and all that are required', async () => {
    for (const { name, app, environment } of apps()) {
      const settings = await settingsOf(app);
      expect(settings.size).toBeGreaterThan(10);
      const given = Object.keys(environment).map((key) => (settings.has(key) ? key : key.replace(/_FILE$/, '')));
      expect([name, given.filter((key) => !settings.has(key))]).toEqual([name, []]);
      expect([name, new Set(given).size]).toEqual([name, given.length]);
      const missing = [...settings].filter(([key, required]) => required && !given.includes(key));
      expect([name, missing]).toEqual([name, []]);
    }
  });

  test('names files that prepare.sh makes', () => {
    for (const { environment } of apps()) {
      const named = Object.values(environment).filter((value) => value.startsWith('/state'));
      expect(named.length).toBeGreaterThan(3);
      for (const file of named) expect([file, existsSync(file.replace('/state', state))]).toEqual([file, true]);
    }
  });
});

describe('prepare.sh', () => {
  test('leaves what is there as it is, and every secret to its owner', async () => {
    const files = (await readdir(state, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    const read = () => Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name), 'base64')));
    const before = await read();
    await script('prepare.sh');
    expect(await read()).toEqual(before);
    expect(files.length).toBeGreaterThan(30);
    for (const { parentPath, name } of files) {
      expect([name, (await stat(join(parentPath, name))).mode & 0o077]).toEqual([name, 0]);
    }
  });
});

describe('the processes', () => {
  let nats: NatsServer;
  const databases: FreshDatabase[] = [];

  beforeAll(async () => {
    nats = await startNatsServer({ config: await natsConfig() });
    for (const role of roles) {
      const database = await freshDatabase();
      databases.push(database);
      await writeFile(join(state, role, 'database-url'), database.url);
    }
    expect(await script('migrate.sh')).toMatch(/^(ran \w+\n)+$/);
  });

  afterAll(async () => {
    await nats?.stop();
    for (const database of databases) await database.drop();
  });

  const natsConfig = async () =>
    (await readFile(join(ROOT, 'deploy/compose/nats.conf'), 'utf8')).replace(/^listen.*$/m, '');

  /** The environment of a service here: the same, but for where its files and services are. */
  function here(environment: Readonly<Record<string, string>>): Record<string, string> {
    const moved = { NATS_URL: nats.url, PORT: '0', HOST: '127.0.0.1', METRICS_PORT: '0', METRICS_HOST: '127.0.0.1' };
    return Object.fromEntries(
      Object.entries(environment).map(([key, value]) => [
        key,
        key in moved ? String(moved[key as keyof typeof moved]) : value.replace('/state', state), // a key of it, just seen
      ]),
    );
  }

  test('become ready', async () => {
    const children = apps().map(({ name, app, environment }) => {
      const child = spawn(process.execPath, [join(ROOT, 'apps', app, 'dist/src/main.js')], {
        env: { ...compileCache, ...here(environment) },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let said = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (part: string) => (said += part));
      const ended = new Promise((resolve) => child.once('close', resolve));
      return { name, child, ended, said: () => said };
    });
    try {
      for (const { name, child, said } of children) {
        for (const limit = Date.now() + 60_000; !/"msg":"(ready|the gateway listens)"/.test(said()); await delay(50)) {
          if (child.exitCode !== null || Date.now() > limit) throw new Error(`${name}: ${said()}`);
        }
      }
    } finally {
      for (const { child, ended } of children) {
        child.kill('SIGTERM');
        await ended;
      }
    }
  });
});
