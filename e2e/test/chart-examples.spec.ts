import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { compileCache, freshDatabase, freshToken, restApi, startNatsServer } from '@dta/testkit';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import {
  CHART,
  EXAMPLES,
  objectsOf,
  podsOf,
  render,
  secretsOf,
  type Container,
  type KubernetesObject,
  type Pod,
  type Values,
} from '../src/chart.js';
import { isPrivateKeyOf, place, redeem } from '../src/orders.js';
import { ROOT } from '../src/pages.js';

// What the chart and its trial example run in pods, run here as processes: the Jobs' scripts with the real `dta`, and an order
// through the very environments that the pods get, but for where their files and services are.
jest.setTimeout(300_000);

const run = promisify(execFile);
const TRIAL = join(ROOT, 'k8s/examples/standalone');
const dta = `${process.execPath} ${join(ROOT, 'apps/cli/dist/src/main.js')}`;
const environmentOf = (container: Container | undefined) =>
  Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-chart-examples-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A pod's first container, with the places of its volumes in a folder of its own here. */
function moved(pod: Pod, home: string): { command: string[]; environment: Record<string, string> } {
  const [container] = pod.spec.containers;
  const at = (text: string) => text.replaceAll(/\/(state|secrets|keys|admitted)\b/g, (place) => `${home}${place}`);
  const environment = environmentOf(container);
  return {
    command: (container?.command ?? []).map(at),
    environment: Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, at(value)])),
  };
}

describe('the Job that makes an identity', () => {
  const make = async (state: string, extra: Readonly<Record<string, string>>) => {
    await mkdir(state, { recursive: true });
    const env = {
      ...process.env,
      ...compileCache,
      DTA: dta,
      NAME: 'beta-fiduciary',
      ROLE: 'fiduciary',
      STATE: state,
      ...extra,
    };
    return (await run('sh', [join(CHART, 'files/make-identity.sh')], { env })).stdout;
  };

  test('makes keys once, for their owner alone, and prints values that the chart takes', async () => {
    const state = join(folder, 'software');
    const said = await make(state, { SEALED_BY: 'software' });
    const values = parse(said) as { identities: Record<string, { node: string; documents: string[] }> }; // as it prints
    const made = values.identities['beta-fiduciary'];
    const document = await readFile(join(state, 'identity'));
    expect(Buffer.from(made?.documents[0] ?? '', 'base64')).toEqual(document);
    for (const name of ['identity.key', 'custody.key', 'identity'])
      expect([name, (await stat(join(state, name))).mode & 0o077]).toEqual([name, 0]);
    const key = await readFile(join(state, 'identity.key'));
    expect(await make(state, { SEALED_BY: 'software' })).toBe(said);
    expect(await readFile(join(state, 'identity.key'))).toEqual(key);

    const admits = {
      fiduciaries: [{ name: 'fiduciary', existingSecret: 'dta-fiduciary', admits: ['beta-fiduciary'] }],
    };
    const objects = await render('beta', EXAMPLES.beta, values, admits, { beneficiary: { enabled: false } });
    const folderOfIt = objects.find(({ metadata }) => metadata.name === 'beta-fiduciary-admitted');
    expect(folderOfIt).toMatchObject({ binaryData: { 'beta-fiduciary-0': document.toString('base64') } });
  });

  test('leaves a key file alone that lacks its document, and says so', async () => {
    const state = join(folder, 'half');
    await make(state, { SEALED_BY: 'software' });
    const key = await readFile(join(state, 'identity.key'));
    await rm(join(state, 'identity'));
    await expect(make(state, { SEALED_BY: 'software' })).rejects.toThrow('a key file without its Identity Document');
    expect(await readFile(join(state, 'identity.key'))).toEqual(key);
  });

  test('makes them under a passphrase', async () => {
    const state = join(folder, 'passphrase');
    await writeFile(join(folder, 'words'), 'some words\n');
    expect(await make(state, { SEALED_BY: 'passphrase', KEY_PASSPHRASE_FILE: join(folder, 'words') })).toContain(
      'node: bafyrei',
    );
  });

  test('makes them in a token', async () => {
    const { module, token, pin, environment } = await freshToken();
    await writeFile(join(folder, 'pin'), pin);
    const custody = {
      CUSTODY_PKCS11_MODULE: module,
      CUSTODY_PKCS11_TOKEN: token,
      CUSTODY_PKCS11_PIN_FILE: join(folder, 'pin'),
    };
    const state = join(folder, 'token');
    const said = await make(state, { SEALED_BY: 'pkcs11', SIGN_IN_TOKEN: 'yes', ...custody, ...environment });
    expect(said).toContain('node: bafyrei');
    expect(await make(state, { SEALED_BY: 'pkcs11', SIGN_IN_TOKEN: 'yes', ...custody, ...environment })).toBe(said);
  });
});

describe('the trial', () => {
  /** What a Secret has, by `name/key`. */
  let secrets: Map<string, string>;
  const children: { child: ChildProcess; ended: Promise<unknown> }[] = [];
  let stop: () => Promise<void>;

  beforeAll(async () => {
    const { stdout } = await run('sh', [join(TRIAL, 'secrets.sh')]);
    secrets = new Map(
      (objectsOf(stdout) as (KubernetesObject & { stringData: Record<string, string> })[]) // Secrets, as it prints them
        .flatMap(({ metadata, stringData }) =>
          Object.entries(stringData).map(([key, value]) => [`${metadata.name}/${key}`, value] as const),
        ),
    );
  });
  afterAll(async () => {
    for (const { child } of children) child.kill('SIGTERM');
    for (const { ended } of children) await ended;
    await stop?.();
  });

  test('has a Secret for each that its pods name, and the hash of its token', async () => {
    const services = objectsOf(await readFile(join(TRIAL, 'services.yaml'), 'utf8'));
    const pods = [...podsOf(await render('trial', EXAMPLES.standalone)), ...podsOf(services)];
    for (const { spec } of pods)
      for (const name of secretsOf(spec).values())
        expect([name, [...secrets.keys()].some((key) => key.startsWith(name))]).toEqual([name, true]);
    const hash = createHash('sha256')
      .update(secrets.get('dta-token/token') ?? '')
      .digest('hex');
    expect(secrets.get('dta-access/token-hash')).toBe(hash);
  });

  test('has NATS and PostgreSQL where its values look for them', async () => {
    const objects = objectsOf(await readFile(join(TRIAL, 'services.yaml'), 'utf8'));
    const values = parse(await readFile(join(ROOT, EXAMPLES.standalone), 'utf8')) as {
      nats: { urls: string[] };
      networkPolicy: Record<string, { to: { podSelector: { matchLabels: object } }[] }>;
    }; // the schema has seen it
    const addresses = [...values.nats.urls, ...[...secrets.values()].filter((value) => value.startsWith('postgres:'))];
    expect(addresses.length).toBe(6);
    for (const { hostname, port } of addresses.map((address) => new URL(address))) {
      const service = objects.find(({ kind, metadata }) => kind === 'Service' && metadata.name === hostname);
      expect(service?.spec).toMatchObject({ ports: [{ port: Number(port) }] });
      const pod = podsOf(objects).find(({ labels }) => labels['app'] === hostname);
      expect(pod?.labels).toMatchObject(values.networkPolicy[hostname]?.to[0]?.podSelector.matchLabels ?? { none: '' });
    }
    const [sql] = objects.flatMap(({ data = {} }) => Object.values(data)).filter((text) => text.includes('CREATE'));
    for (const address of addresses.slice(1))
      expect(sql).toContain(`CREATE DATABASE ${new URL(address).pathname.slice(1)};`);
  });

  test("gives a private key to an order: install, the identities' values, upgrade", async () => {
    const nats = await startNatsServer();
    const databases = await Promise.all(
      ['principal', 'beneficiary', 'fiduciary-1', 'fiduciary-2', 'fiduciary-3'].map(async (role) => ({
        role,
        database: await freshDatabase(),
      })),
    );
    stop = async () => {
      await nats.stop();
      for (const { database } of databases) await database.drop();
    };
    for (const { role, database } of databases) secrets.set(`dta-${role}/database-url`, database.url);

    // the first install: Jobs print values
    const claims = join(folder, 'claims');
    const printed: Values[] = [];
    for (const pod of podsOf(await render('trial', EXAMPLES.standalone))) {
      const home = join(claims, pod.labels['dta/identity'] ?? '');
      const { command, environment } = moved(pod, home);
      await mkdir(join(home, 'state'), { recursive: true });
      const env = { ...process.env, ...compileCache, ...environment, DTA: dta };
      printed.push(parse((await run(command[0] ?? '', command.slice(1), { env })).stdout) as Values); // as the test above has seen
    }
    expect(printed.length).toBe(5);

    // the upgrade: a hook for each database, then everything
    const objects = await render('trial', EXAMPLES.standalone, ...printed);
    const logs = new Map<string, () => string>();
    for (const pod of podsOf(objects).sort((a, b) => Number(b.owner.kind === 'Job') - Number(a.owner.kind === 'Job'))) {
      if (pod.owner.kind === 'Pod') continue;
      const name = pod.owner.metadata.name;
      const home = join(claims, pod.labels['dta/identity'] ?? name);
      for (const [path, secret] of secretsOf(pod.spec)) {
        const file = join(home, path);
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, secrets.get(secret) ?? '');
      }
      for (const { configMap } of pod.spec.volumes ?? []) {
        const map = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === configMap?.name);
        await mkdir(join(home, 'admitted'), { recursive: true });
        for (const [file, base64] of Object.entries(map?.binaryData ?? {}))
          await writeFile(join(home, 'admitted', file), Buffer.from(base64, 'base64'));
      }
      await mkdir(join(home, 'keys'), { recursive: true });
      for (const { command = [] } of pod.spec.initContainers ?? []) {
        await run(
          command[0] ?? '',
          command.slice(1).map((text) => text.replaceAll(/\/(secrets|keys)\b/g, (place) => `${home}${place}`)),
        );
      }
      const { command, environment } = moved(pod, home);
      const here = new Map(
        Object.entries({
          NATS_URL: nats.url,
          PORT: '0',
          HOST: '127.0.0.1',
          METRICS_PORT: '0',
          METRICS_HOST: '127.0.0.1',
        }),
      );
      const env = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, here.get(key) ?? value]));
      if (pod.owner.kind === 'Job') {
        await run(process.execPath, [join(ROOT, 'apps/cli/dist/src/main.js'), ...command.slice(1)], { env });
        continue;
      }
      const child = spawn(process.execPath, command.slice(1), {
        cwd: ROOT,
        env: { ...compileCache, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let said = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => (said += text));
      children.push({ child, ended: new Promise((resolve) => child.once('close', resolve)) });
      logs.set(name, () => said);
    }
    for (const [name, said] of logs) {
      for (const limit = Date.now() + 120_000; !/"msg":"(ready|the gateway listens)"/.test(said()); await delay(50)) {
        if (Date.now() > limit || /"level":"?(fatal|60)/.test(said())) throw new Error(`${name}: ${said()}`);
      }
    }
    const [, port] = /"port":(\d+)[^\n]*"msg":"the gateway listens"/.exec(logs.get('trial-gateway')?.() ?? '') ?? [];
    const api = restApi(`http://127.0.0.1:${port}`, secrets.get('dta-token/token') ?? '');
    const { orderReference, commitment } = await place(api);
    expect(isPrivateKeyOf(await redeem(api, orderReference), commitment)).toBe(true);
    expect((await api.get(`/v1/order/${orderReference}`)).body).toHaveProperty('fiduciaries.length', 3);
  });
});
