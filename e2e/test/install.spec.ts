import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { beneficiarySettings } from '@dta/beneficiary';
import { fiduciarySettings } from '@dta/fiduciary';
import { gatewaySettings } from '@dta/gateway';
import { principalSettings } from '@dta/principal';
import { natsAccounts, startCluster, startOldestPostgres, type Cluster, type OldestPostgres } from '@dta/testkit';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { parse } from 'yaml';
import { followPage, type Follower } from '../src/install-page.js';
import { isPrivateKeyOf, place, redeem } from '../src/orders.js';
import { blocksOf, ROOT, type Result } from '../src/pages.js';

// docs/install.md as two operators follow it, beside alpha that is there already: beta with every role and a gateway, gamma
// with a fiduciary alone. First their identities, which the server of NATS must know, then the rest, on the oldest PostgreSQL.
jest.setTimeout(900_000);

const run = promisify(execFile);
const settings = {
  principal: principalSettings,
  beneficiary: beneficiarySettings,
  fiduciary: fiduciarySettings,
  gateway: gatewaySettings,
};

let folder: string;
let postgres: OldestPostgres | undefined;
let cluster: Cluster | undefined;
let page: string;
let beta: Follower;
let gamma: Follower;
let ofBeta: readonly Result[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-install-'));
  postgres = await startOldestPostgres();
  page = await readFile(join(ROOT, 'docs/install.md'), 'utf8');
  [beta, gamma] = [await follow('beta', false), await follow('gamma', true)];
  const guests = [
    { name: 'beta', nodes: await beta.makeIdentities() },
    { name: 'gamma', nodes: await gamma.makeIdentities() },
  ];
  let logins: ReturnType<typeof natsAccounts>['logins'] = [];
  cluster = await startCluster({
    operators: [{ name: 'alpha', fiduciaries: 1 }],
    natsAccounts: (tenants) => {
      const accounts = natsAccounts([...tenants, ...guests]);
      logins = accounts.logins.slice(tenants.length);
      return { ...accounts, logins: accounts.logins.slice(0, tenants.length) };
    },
  });
  const results: (readonly Result[])[] = [];
  for (const [at, follower] of [beta, gamma].entries()) {
    results.push(await follower.goOn(postgres.url, await givenTo(logins[at])));
  }
  ofBeta = results[0] ?? [];
});

afterAll(async () => {
  await beta?.stop();
  await gamma?.stop();
  await cluster?.stop();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function follow(name: string, alone: boolean): Promise<Follower> {
  await mkdir(join(folder, name));
  return followPage(page, join(folder, name), alone);
}

/** What the operators of NATS and alpha give, by the names of the page. */
async function givenTo(login: { user: string | undefined; password: string | undefined } | undefined) {
  const alpha = alphaOf(cluster);
  const user = String(login?.user);
  const password = join(folder, `${user}-password`);
  await writeFile(password, `${login?.password}\n`, { mode: 0o600 });
  return {
    ...{ NATS_URL: alpha.nats.url, NATS_USER: user, NATS_PASSWORD_THERE: password },
    ALPHA_PRINCIPAL: alpha.member('principal').document,
    ALPHA_FIDUCIARY: alpha.member('fiduciary-1').document,
    ...{ ALPHA: alpha.api().url, ALPHA_TOKEN: alpha.token.file },
  };
}

function alphaOf(running: Cluster | undefined) {
  if (running === undefined) throw new Error('there is a cluster');
  return running.operator('alpha');
}

/** The settings that a file names, those behind `#` too; without the ending of files. */
async function namedIn(file: string, known: Readonly<Record<string, unknown>>): Promise<string[]> {
  const text = await readFile(file, 'utf8');
  return [...text.matchAll(/^(?:# )?([A-Z0-9_]+)=/gm)].map(([, name = '']) =>
    name in known ? name : name.replace(/_FILE$/, ''),
  );
}

describe('docs/install.md', () => {
  test('ends with an order of beta that is redeemed by its own gateway, and that alpha has a part in', async () => {
    const [order = '', secret = ''] = ofBeta.map(({ output }) => output).slice(-2);
    const { orderReference, commitment } = JSON.parse(order) as { orderReference: string; commitment: string }; // checked below
    const redeemed = JSON.parse(secret) as { secret: string }; // checked next
    expect(isPrivateKeyOf(redeemed.secret, commitment)).toBe(true);
    const { url, token } = await beta.api();
    const answer = await fetch(`${url}/v1/order/${orderReference}`, { headers: { authorization: `Bearer ${token}` } });
    const shown = await answer.text();
    const members = [
      alphaOf(cluster).member('fiduciary-1').idDocumentCID,
      (await readFile(join(beta.folder, 'fiduciary/name'), 'utf8')).trim(),
    ];
    for (const member of members) expect(shown).toContain(member);
  });

  test('ends, for a fiduciary alone, with an order of alpha that it has a part in', async () => {
    const alpha = alphaOf(cluster);
    const name = (await readFile(join(gamma.folder, 'fiduciary/name'), 'utf8')).trim();
    expect(existsSync(join(gamma.folder, 'gateway'))).toBe(false);
    const order = await place(alpha.api(), {
      fiduciaries: [alpha.member('fiduciary-1').idDocumentCID, name],
      threshold: 2,
    });
    expect(isPrivateKeyOf(await redeem(alpha.api(), order.orderReference), order.commitment)).toBe(true);
  });

  test.each(['principal', 'beneficiary', 'fiduciary', 'gateway'] as const)(
    'lists every setting of a %s, once',
    async (app) => {
      const { shape } = settings[app];
      const named = await namedIn(join(beta.folder, app, `${app}.env`), shape);
      expect(named.sort()).toEqual(Object.keys(shape).sort());
    },
  );

  test.each(['principal', 'beneficiary', 'fiduciary', 'gateway'] as const)(
    'shows the default of each setting of a %s behind #',
    async (app) => {
      const table = await readFile(join(ROOT, 'docs/configuration.md'), 'utf8');
      const [, rows = ''] = new RegExp(`<!-- ${app}: [^]*?-->([^]*?)<!-- /${app} -->`).exec(table) ?? [];
      const text = await readFile(join(beta.folder, app, `${app}.env`), 'utf8');
      const shown = [...text.matchAll(/^# ([A-Z0-9_]+)=(.*)$/gm)];
      expect(shown.length).toBeGreaterThan(5);
      for (const [, name = '', value = ''] of shown) {
        const setting = name in settings[app].shape ? name : name.replace(/_FILE$/, '');
        const [, fallback = ''] = new RegExp(`^\\| \`${setting}\`.* \\| (.*) \\|$`, 'm').exec(rows) ?? [];
        expect([name, value]).toEqual([name, fallback === '–' ? '' : fallback.replaceAll('`', '')]);
      }
    },
  );

  test('names the PostgreSQL on which it was followed here as the oldest', async () => {
    const client = new pg.Client({ connectionString: postgres?.url });
    await client.connect();
    const { rows } = await client
      .query<{ version: string }>("SELECT current_setting('server_version') AS version")
      .finally(() => client.end());
    expect(page).toContain(`| PostgreSQL | ${Number.parseInt(rows[0]?.version ?? '', 10)} or later |`);
  });

  test('says what each variable is that its blocks need', () => {
    const used = new Set(blocksOf(page).flatMap(({ text }) => text.match(/(?<=\$)[A-Z][A-Z_]+/g) ?? []));
    expect(used.size).toBeGreaterThan(5);
    const told = page.replace(/^```sh\n[^]*?^```$/gm, '');
    for (const name of used) expect([name, told]).toEqual([name, expect.stringMatching(`\\b${name}=|\\$${name}\``)]);
  });

  test('names files and sections that are there', async () => {
    for (const [, path = '', section] of page.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)) {
      const text = path === '' ? page : await readFile(join(ROOT, 'docs', path), 'utf8');
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
  test.each(Object.keys(settings))('starts a %s from the folder that the page makes', async (app) => {
    const text = await readFile(join(ROOT, 'deploy/systemd/dta@.service'), 'utf8');
    const valueOf = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1]?.replaceAll('%i', app) ?? '';
    const [program = '', script = ''] = valueOf('ExecStart').replaceAll('/opt/dta', ROOT).split(' ');
    for (const file of [program, script, valueOf('EnvironmentFile').replace('/var/lib/dta', beta.folder)]) {
      expect([file, existsSync(file)]).toEqual([file, true]);
    }
    expect(valueOf('RestartPreventExitStatus')).toBe('78');
  });

  test.each(Object.keys(settings))('is a unit that systemd takes for a %s', async (app) => {
    const text = await readFile(join(ROOT, 'deploy/systemd/dta@.service'), 'utf8');
    if (!(await hasSystemd())) return console.log('not tested, since there is no systemd-analyze here');
    const unit = join(folder, `dta@${app}.service`);
    // it looks for the program that the unit starts
    await writeFile(unit, text.replaceAll('/opt/dta', ROOT).replace('User=dta', 'User=root'));
    const { stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', unit]);
    expect((stdout + stderr).split('\n').filter((line) => line.includes(`dta@${app}`))).toEqual([]);
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
      const file = value.replace('/state', join(gamma.folder, 'fiduciary'));
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
