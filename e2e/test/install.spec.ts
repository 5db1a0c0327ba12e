import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { fiduciarySettings } from '@dta/fiduciary';
import {
  compileCache,
  freePort,
  freshDatabase,
  natsAccounts,
  startCluster,
  type Cluster,
  type FreshDatabase,
} from '@dta/testkit';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { redeem, isPrivateKeyOf } from '../src/orders.js';
import { blocksOf, ROOT, runBlocks, type Result } from '../src/pages.js';

// docs/install.md as an operator follows it, beside an operator that is there already: first its identity, which the server of
// NATS must know, then the rest.
jest.setTimeout(600_000);

const run = promisify(execFile);
const PAGE = join(ROOT, 'docs/install.md');

let folder: string;
let database: FreshDatabase | undefined;
let cluster: Cluster | undefined;
let page: string;
let results: readonly Result[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-install-'));
  database = await freshDatabase();
  page = await readFile(PAGE, 'utf8');
  const [setup, identity, ...rest] = blocksOf(page);
  if (setup === undefined || identity === undefined) throw new Error('the page begins with a folder and an identity');
  const environment = { ...compileCache, DTA_FOLDER: join(folder, 'fiduciary') };
  const [, made] = await runBlocks([setup, identity], environment);
  const node = made?.output ?? '';

  let beta: { user: string | undefined; password: string | undefined } | undefined;
  cluster = await startCluster({
    operators: [{ name: 'alpha', fiduciaries: 1 }],
    natsAccounts: (tenants) => {
      const all = natsAccounts([...tenants, { name: 'beta', nodes: [node] }]);
      beta = all.logins[tenants.length];
      return { ...all, logins: all.logins.slice(0, tenants.length) };
    },
  });
  const alpha = cluster.operator('alpha');
  const password = join(folder, 'password');
  await writeFile(password, `${beta?.password}\n`, { mode: 0o600 });
  results = await runBlocks([setup, ...rest], {
    ...environment,
    PRINCIPAL_DOCUMENT: alpha.member('principal').document,
    DTA: alpha.api().url,
    TOKEN_FILE: alpha.token.file,
    NATS_PASSWORD_FROM_THEM: password,
    DATABASE: database.url,
    NATS_URL: alpha.nats.url,
    NATS_USER: String(beta?.user),
    METRICS_PORT: String(await freePort()),
    OTHER_FIDUCIARY: alpha.member('fiduciary-1').idDocumentCID,
  });
});

afterAll(async () => {
  const pid = Number(await readFile(join(folder, 'fiduciary', 'pid'), 'utf8').catch(() => '0'));
  if (pid > 0) {
    process.kill(pid, 'SIGTERM');
    while (
      existsSync(`/proc/${pid}/cmdline`) &&
      (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')) !== ''
    )
      await delay(50);
  }
  await cluster?.stop();
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

describe('docs/install.md', () => {
  test('ends with an order that its fiduciary is part of', async () => {
    const [order = ''] = results.map(({ output }) => output).slice(-1);
    const { orderReference, commitment } = JSON.parse(order) as { orderReference: string; commitment: string }; // checked below
    const api = cluster?.operator('alpha').api();
    if (api === undefined) throw new Error('there is an operator');
    const secret = await redeem(api, orderReference);
    expect(isPrivateKeyOf(String(secret), commitment)).toBe(true);
  });

  test('lists every setting of a fiduciary, in the order of configuration.md', () => {
    const [, block = ''] = /<<EOF\n([^]*?)\nEOF/.exec(page) ?? [];
    const named = [...block.matchAll(/^(?:# )?([A-Z0-9_]+?)(?:_FILE)?=/gm)].map(([, name]) => name);
    expect(named).toEqual(Object.keys(fiduciarySettings.shape).map((name) => (name === 'KEY_FILE' ? 'KEY' : name)));
  });

  test('names files and sections that are there', async () => {
    for (const [, path = '', section] of page.matchAll(/\]\((?!https?:)([^)#]+)(?:#([^)]+))?\)/g)) {
      const text = await readFile(join(ROOT, 'docs', path), 'utf8');
      const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
        heading
          .toLowerCase()
          .replace(/[^\w -]/g, '')
          .replaceAll(' ', '-'),
      );
      if (section !== undefined) expect(headings).toContain(section);
    }
  });
});

describe('deploy/systemd/dta@.service', () => {
  test('is a unit that systemd takes', async () => {
    const text = await readFile(join(ROOT, 'deploy/systemd/dta@.service'), 'utf8');
    expect(text).toContain('RestartPreventExitStatus=78');
    if (!(await hasSystemd())) return console.log('not tested, since there is no systemd-analyze here');
    const unit = join(folder, 'dta@fiduciary.service');
    // it looks for the program that the unit starts
    await writeFile(unit, text.replaceAll('/opt/dta', ROOT.replace(/\/$/, '')).replace('User=dta', 'User=root'));
    const { stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', unit]);
    expect((stdout + stderr).split('\n').filter((line) => line.includes('dta@fiduciary'))).toEqual([]);
  });
});

describe('deploy/compose/fiduciary.yaml', () => {
  test('gives the fiduciary settings of its own alone, all that it requires, and files that the page makes', async () => {
    const text = await readFile(join(ROOT, 'deploy/compose/fiduciary.yaml'), 'utf8');
    // what Docker reads it as
    const { services } = parse(text, { merge: true }) as {
      services: Record<string, { environment: Record<string, string> }>;
    };
    const environment = services['fiduciary']?.environment ?? {};
    const known = Object.entries(fiduciarySettings.shape);
    const given = Object.keys(environment).map((name) =>
      name in fiduciarySettings.shape ? name : name.replace(/_FILE$/, ''),
    );
    expect(given.filter((name) => !(name in fiduciarySettings.shape))).toEqual([]);
    const required = known.filter(([, schema]) => !schema.safeParse(undefined).success).map(([name]) => name);
    expect(given).toEqual(expect.arrayContaining(required));
    for (const [name, value] of Object.entries(environment)) {
      if (!value.startsWith('/state/')) continue;
      const file = value.replace('/state', join(folder, 'fiduciary'));
      expect([name, existsSync(file)]).toEqual([name, true]);
    }
  });
});

function hasSystemd(): Promise<boolean> {
  return run('systemd-analyze', ['--version']).then(
    () => true,
    () => false,
  );
}
