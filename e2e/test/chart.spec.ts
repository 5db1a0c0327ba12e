import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { beneficiarySettings } from '@dta/beneficiary';
import { migrateSettings } from '@dta/cli';
import { fiduciarySettings } from '@dta/fiduciary';
import { gatewaySettings } from '@dta/gateway';
import { principalSettings } from '@dta/principal';
import { describeConfig, readConfig, type SettingsSchema } from '@dta/service';
import { fetchKubernetesSchemas, fetchPrometheusOperatorSchemas, fetchTool } from '@dta/testkit';
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import {
  allMade,
  CHART,
  EXAMPLES,
  helm,
  nodeOf,
  objectsOf,
  podsOf,
  render,
  renderText,
  secretsOf,
  type Container,
  type KubernetesObject,
  type Pod,
  type Values,
} from '../src/chart.js';
import { ROOT } from '../src/pages.js';

// The Helm chart without a cluster: what it makes of values, held against Kubernetes's schemas, the settings of each process and
// the rules of Pod Security. chart-values.spec.ts has what it refuses, chart-policies.spec.ts who reaches whom.
jest.setTimeout(300_000);

const run = promisify(execFile);
const examples = Object.keys(EXAMPLES) as (keyof typeof EXAMPLES)[]; // its own keys

/** What kube-score isn't asked, and why. */
const notScored = {
  'container-image-pull-policy': 'an image has its version for a tag, or a digest; image.pullPolicy says otherwise',
  'container-ephemeral-storage-request-and-limit': 'nothing is written but the log, of which the kubelet keeps little',
  'deployment-replicas': 'software custody has one replica',
  'deployment-strategy': 'a pod whose claim one machine mounts is stopped before the next',
  'deployment-has-host-podantiaffinity': 'replicas spread by topologySpreadConstraints',
  'pod-probes': 'a Job or the pod of helm test serves nothing; the probes of the others are tested here',
};

/** Everything that an example leaves out. */
const everything: Values = {
  nats: { auth: 'password', user: 'trial', existingSecret: 'dta-nats' },
  kubo: { url: 'http://kubo:5001' },
  certificateAuthority: { existingConfigMap: 'ca' },
  role: {
    keyFile: { passphrase: true },
    custody: { kind: 'provider', provider: { name: '@x/custody', settings: true } },
  },
  principal: {
    enabled: true,
    existingSecret: 'dta-principal',
    replicas: 3,
    persistence: { accessMode: 'ReadWriteMany' },
    disruptionBudget: { minAvailable: 2 },
  },
  beneficiary: { enabled: true, existingSecret: 'dta-beneficiary', database: { existingSecret: 'app', key: 'uri' } },
  gateway: { replicas: 2, autoscaling: { enabled: true } },
  postgres: { maxConnections: 500 },
  networkPolicy: {
    kubo: { to: [{ podSelector: { matchLabels: { app: 'kubo' } } }] },
    monitoring: { from: [{ podSelector: { matchLabels: { app: 'prometheus' } } }] },
  },
  monitoring: { serviceMonitor: { enabled: true }, rules: { enabled: true }, dashboard: { enabled: true } },
};

/** The standalone example with an HSM for every role. */
const hsm: Values = {
  nats: { auth: 'credentials', existingSecret: 'dta-nats' },
  role: {
    custody: { kind: 'pkcs11', pkcs11: { image: 'vendor:1', copy: ['/lib/.'], module: 'libvendor.so', token: 'dta' } },
    keyFile: { existingSecret: 'key-files' },
    replicas: 2,
  },
  principal: { keyFile: { key: 'principal' } },
  beneficiary: { keyFile: { key: 'beneficiary' } },
  fiduciaries: [1, 2, 3].map((at) => ({
    name: `fiduciary-${at}`,
    existingSecret: `dta-fiduciary-${at}`,
    keyFile: { key: `fiduciary-${at}` },
  })),
  postgres: { maxConnections: 500 },
};

/** Each example before its identities are made and after, one with an HSM, and one with everything else. */
const renderings = new Map<string, { text: string; objects: KubernetesObject[]; pods: Pod[] }>();

beforeAll(async () => {
  const add = async (name: string, ...layers: (Values | string)[]) => {
    const text = await renderText('trial', ...layers);
    const objects = objectsOf(text);
    renderings.set(name, { text, objects, pods: podsOf(objects) });
  };
  for (const example of examples) {
    await add(`${example}, before`, EXAMPLES[example]);
    await add(`${example}, after`, EXAMPLES[example], allMade(example));
  }
  const { 'trial-fiduciary-3': _, ...others } = allMade('standalone').identities;
  await add('growing', EXAMPLES.standalone, { identities: others }); // one that is made beside those that run
  await add('hsm', EXAMPLES.standalone, allMade('standalone'), hsm);
  await add('everything', EXAMPLES.standalone, allMade('standalone'), everything);
});

const all = <T>(
  of: (rendering: { text: string; objects: KubernetesObject[]; pods: Pod[] }, name: string) => T[],
): T[] => [...renderings].flatMap(([name, rendering]) => of(rendering, name));
const rendering = (name: string) => {
  const found = renderings.get(name);
  if (found === undefined) throw new Error(`nothing was rendered as ${name}`);
  return found;
};
const named = (objects: readonly KubernetesObject[], kind: string) =>
  objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name);
const containersOf = ({ spec }: Pod): readonly Container[] => [...(spec.initContainers ?? []), ...spec.containers];

test("helm lint finds nothing, with the chart's own values and with those of each example", async () => {
  for (const args of [[], ...examples.map((name) => ['--values', join(ROOT, EXAMPLES[name])])]) {
    expect(await helm(['lint', '--strict', CHART, ...args])).toContain('0 chart(s) failed');
  }
});

test('the chart has the version of the images', async () => {
  const { appVersion } = parse(await readFile(join(CHART, 'Chart.yaml'), 'utf8')) as { appVersion: string }; // Helm requires it
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string }; // npm requires it
  expect(appVersion).toBe(version);
});

describe('manifests', () => {
  test("are what the schemas of Kubernetes have, with no field that they don't know", async () => {
    const [program, location] = [await fetchTool('kubeconform'), await fetchKubernetesSchemas()];
    const folder = await mkdtemp(join(tmpdir(), 'dta-manifests-'));
    try {
      for (const [name, { text }] of renderings) await writeFile(join(folder, `${name}.yaml`), text);
      const locations = [location, await fetchPrometheusOperatorSchemas()];
      const args = ['-strict', '-output', 'json', ...locations.flatMap((each) => ['-schema-location', each])];
      const services = ['standalone/services', 'three-operators/services', 'three-operators/hub'];
      const files = [folder, ...services.map((name) => join(ROOT, `k8s/examples/${name}.yaml`))];
      const { stdout } = await run(program, [...args, '-summary', ...files], { maxBuffer: 16 * 1024 * 1024 });
      const { summary } = JSON.parse(stdout) as { summary: Record<string, number> }; // as kubeconform prints it
      expect(summary).toMatchObject({ invalid: 0, errors: 0, skipped: 0 });
      expect(summary['valid']).toBeGreaterThan(150);

      const wrong = join(folder, 'wrong.yml');
      for (const [field, misspelt] of [
        ['revisionHistoryLimit', 'revisionHistory'], // of a Deployment
        ['honorLabels', 'honourLabels'], // of a ServiceMonitor
        ['expr: absent', 'expression: absent'], // of a PrometheusRule
      ] as const) {
        const { text } = rendering('everything');
        expect(text).toContain(field);
        await writeFile(wrong, text.replace(field, misspelt));
        await expect(run(program, [...args, wrong])).rejects.toMatchObject({
          stdout: expect.stringContaining(misspelt.split(':')[0] ?? ''),
        });
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('are what kube-score wants, but for what has a reason', async () => {
    const program = await fetchTool('kube-score');
    const folder = await mkdtemp(join(tmpdir(), 'dta-score-'));
    try {
      const silenced = Object.keys(notScored).flatMap((check) => ['--ignore-test', check]);
      // no limit of CPU: throttling would make orders wait while a machine has nothing to do; requests divide it
      const score = ['score', '--output-format', 'ci', '--ignore-container-cpu-limit', ...silenced];
      for (const name of ['standalone, after', 'hsm', 'everything']) {
        const file = join(folder, `${name}.yaml`);
        await writeFile(file, rendering(name).text);
        const { stdout } = await run(program, [...score, file]).catch((error: { stdout: string }) => error); // where it finds something
        expect([name, stdout.split('\n').filter((line) => /^\[(CRITICAL|WARNING)\]/.test(line))]).toEqual([name, []]);
        expect(stdout).toMatch(/^\[OK\]/m);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('have no Secret, and no token of Kubernetes in any pod', () => {
    expect(all(({ objects }) => named(objects, 'Secret'))).toEqual([]);
    expect(all(({ objects }) => objects.filter(({ kind }) => /Role/.test(kind)))).toEqual([]);
    const pods = all((each) => each.pods);
    expect(pods.length).toBeGreaterThan(50);
    for (const { spec } of pods) expect(spec.automountServiceAccountToken).toBe(false);
  });

  test('name no object twice', () => {
    for (const [name, { objects }] of renderings) {
      const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
      expect([name, names.filter((each, at) => names.indexOf(each) !== at)]).toEqual([name, []]);
    }
  });

  test("are all in the release's namespace", () => {
    for (const { metadata } of all(({ objects }) => objects))
      expect([metadata.name, metadata.namespace]).toEqual([metadata.name, 'trial']);
  });
});

describe('every pod', () => {
  test("is as Pod Security's profile `restricted` wants it, on a root that nothing writes to", () => {
    for (const pod of all((each) => each.pods)) {
      const { owner, spec } = pod;
      expect([owner.metadata.name, spec.securityContext]).toEqual([
        owner.metadata.name,
        expect.objectContaining({
          runAsNonRoot: true,
          runAsUser: 10001,
          fsGroup: 10001,
          // else the kubelet opens the files to the group, which software custody refuses
          fsGroupChangePolicy: 'OnRootMismatch',
          seccompProfile: { type: 'RuntimeDefault' },
        }),
      ]);
      for (const { name, securityContext } of containersOf(pod)) {
        expect([name, securityContext]).toEqual([
          name,
          { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
        ]);
      }
    }
  });

  test('says what it needs of CPU and memory, and has a limit of memory', () => {
    for (const { name, resources } of all((each) => each.pods).flatMap(containersOf)) {
      expect([name, Object.keys(resources?.['requests'] ?? {}).sort()]).toEqual([name, ['cpu', 'memory']]);
      expect([name, resources?.['limits']?.['memory']]).toEqual([name, expect.any(String)]);
    }
  });

  test('has a volume for each mount, and mounts each volume', () => {
    for (const pod of all((each) => each.pods)) {
      const volumes = new Set((pod.spec.volumes ?? []).map(({ name }) => name));
      const mounts = new Set(
        containersOf(pod).flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name)),
      );
      expect([pod.owner.metadata.name, [...mounts].sort()]).toEqual([pod.owner.metadata.name, [...volumes].sort()]);
    }
  });

  test('of roles and gateway is asked for its health on the port that shows it', () => {
    const served = all((each) => each.pods).filter(({ owner }) => owner.kind === 'Deployment');
    expect(served.length).toBeGreaterThan(15);
    for (const { spec } of served) {
      const [container] = spec.containers;
      const environment = environmentOf(container);
      const port = Number(environment.get('METRICS_PORT'));
      expect(environment.get('METRICS_HOST')).toBe('0.0.0.0');
      const probes = [container?.startupProbe, container?.readinessProbe, container?.livenessProbe];
      // live doesn't look at NATS or PostgreSQL: their absence is nothing that a restart mends
      expect(probes.map((probe) => probe?.httpGet)).toEqual(
        ['live', 'ready', 'live'].map((what) => ({ path: `/health/${what}`, port })),
      );
      expect(container?.ports).toContainEqual({ name: 'metrics', containerPort: port });
      expect(container?.lifecycle?.preStop.sleep.seconds).toBe(5);
      expect(spec.terminationGracePeriodSeconds).toBe(40);
    }
  });
});

const schemas: Readonly<Record<string, SettingsSchema>> = {
  principal: principalSettings,
  beneficiary: beneficiarySettings,
  fiduciary: fiduciarySettings,
  gateway: gatewaySettings,
  migrate: migrateSettings,
};
/** What the environment has beside settings: Node's own, the loader's, and what an HSM's module reads. */
const notSettings = /^(NODE_EXTRA_CA_CERTS|LD_LIBRARY_PATH|VENDOR_CONF)$/;
const environmentOf = (container: Container | undefined) =>
  new Map((container?.env ?? []).map(({ name, value }) => [name, value] as const));

describe('the environment of each process', () => {
  const processes = () =>
    all(({ pods }, name) =>
      pods.flatMap((pod) => {
        const [container] = pod.spec.containers;
        const schema = schemas[container?.name ?? ''];
        return schema === undefined || pod.owner.kind === 'Pod' ? [] : [{ name, pod, container, schema }];
      }),
    );

  test('has settings of that process alone, each once, and all that are required', () => {
    expect(processes().length).toBeGreaterThan(30);
    for (const { name, container, schema } of processes()) {
      const rows = describeConfig(schema);
      const known = new Set(rows.map((row) => row.name));
      const given = (container?.env ?? [])
        .map((entry) => entry.name)
        .filter((key) => !notSettings.test(key))
        .map((key) => (known.has(key) ? key : key.replace(/_FILE$/, '')));
      expect([name, container?.name, given.filter((key) => !known.has(key))]).toEqual([name, container?.name, []]);
      expect(new Set(given).size).toBe(given.length);
      const missing = rows.filter((row) => row.required && !given.includes(row.name)).map((row) => row.name);
      expect([name, container?.name, missing]).toEqual([name, container?.name, []]);
    }
  });

  test('can have every setting that there is', () => {
    for (const [app, schema] of Object.entries(schemas)) {
      const given = new Set(
        processes()
          .filter(({ container }) => container?.name === app)
          .flatMap(({ container }) => [...environmentOf(container).keys()])
          .map((key) => key.replace(/_FILE$/, '').replace(/^KEY$/, 'KEY_FILE')),
      );
      const lacking = describeConfig(schema)
        .map((row) => row.name)
        .filter((setting) => !given.has(setting));
      expect([app, lacking]).toEqual([app, []]);
    }
  });

  test('gives no secret by value', () => {
    for (const { container, schema } of processes()) {
      for (const { name, secret } of describeConfig(schema)) {
        if (!secret || name === 'DOCUMENT_STORE_KUBO') continue; // an address alone; with a password it is in a Secret
        expect([name, environmentOf(container).get(name)]).toEqual([name, undefined]);
      }
    }
  });

  test('is taken by the process, with files of the right form in the place of the Secrets', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dta-environment-'));
    const hex = (length: number) => Buffer.alloc(length, 7).toString('hex');
    let keys = 0;
    const contents = (path: string) => {
      if (/database-url$/.test(path)) return 'postgres://role:password@postgres/role';
      if (/kubo-url$/.test(path)) return 'https://role:password@kubo.example';
      if (/-key$/.test(path)) return Buffer.alloc(32, ++keys).toString('hex');
      return hex(32);
    };
    try {
      let at = 0;
      for (const { name, pod, container, schema } of processes()) {
        const home = join(folder, String(at++));
        const moved = (text: string) => text.replaceAll(/\/(secrets|keys)\b/g, (place) => `${home}${place}`);
        await mkdir(join(home, 'keys'), { recursive: true });
        for (const path of secretsOf(pod.spec).keys()) {
          const file = join(home, path);
          await mkdir(dirname(file), { recursive: true });
          if (!path.endsWith('/')) await writeFile(file, contents(path));
        }
        for (const { name: init, command = [] } of pod.spec.initContainers ?? []) {
          if (init === 'fiduciary-keys') await run(command[0] ?? '', command.slice(1).map(moved));
        }
        const environment = Object.fromEntries(
          [...environmentOf(container)].map(([key, value]) => [key, moved(value)]),
        );
        try {
          readConfig(schema, environment);
        } catch (error) {
          throw new Error(`${name}, ${container?.name}: ${String(error)}`, { cause: error });
        }
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('names files that the pod mounts', () => {
    for (const { pod, container } of processes()) {
      const mounted = secretsOf(pod.spec);
      for (const [setting, value] of environmentOf(container)) {
        if (!value.startsWith('/secrets/')) continue;
        expect([setting, mounted.has(`secrets/${value.slice('/secrets/'.length)}`)]).toEqual([setting, true]);
      }
    }
  });

  test('names a program that the image has', () => {
    for (const { container } of processes()) {
      const [program, file = ''] = container?.command ?? [];
      if (program === 'node') expect([file, existsSync(join(ROOT, file))]).toEqual([file, true]);
      else expect(container?.command).toEqual(['dta', 'migrate']);
    }
  });
});

describe('secrets', () => {
  test('reach the pods that need them, and of a Secret no more than that', () => {
    const { pods } = rendering('standalone, after');
    const of = (name: string) =>
      [
        ...secretsOf(
          pods.find(({ owner }) => owner.metadata.name === name)?.spec ?? {
            containers: [],
            securityContext: {},
            serviceAccountName: '',
          },
        ).values(),
      ].sort();
    expect(of('trial-fiduciary-2')).toEqual([
      'dta-access/token-hash',
      'dta-fiduciary-2/database-url',
      'dta-fiduciary-2/internal-key',
    ]);
    expect(of('trial-gateway')).toEqual([
      'dta-access/token-hash',
      ...['beneficiary', 'fiduciary-1', 'fiduciary-2', 'fiduciary-3', 'principal'].map(
        (at) => `dta-${at}/internal-key`,
      ),
    ]);
    expect(of('trial-principal-migrate')).toEqual(['dta-principal/database-url']);
    expect(of('trial-test')).toEqual([]);
    const before = rendering('fiduciary, before').pods.find(({ owner }) => owner.kind === 'Job');
    expect(
      [...secretsOf(before?.spec ?? { containers: [], securityContext: {}, serviceAccountName: '' }).values()].sort(),
    ).toEqual(['dta-fiduciary/pkcs11-pin', 'hsm-client/']);
  });
});

describe('an identity', () => {
  test('that is not made has its claim and a Job, and runs when values have its node', () => {
    const [before, after] = [rendering('standalone, before'), rendering('standalone, after')];
    expect(named(before.objects, 'Deployment')).toEqual([]);
    const jobs = (objects: readonly KubernetesObject[]) =>
      named(objects, 'Job').map((name) => name.replace(/-[0-9a-f]{8}$/, ''));
    const names = ['beneficiary', 'fiduciary-1', 'fiduciary-2', 'fiduciary-3', 'principal'];
    expect(jobs(before.objects).sort()).toEqual(names.map((name) => `trial-${name}-identity`));
    expect(named(before.objects, 'PersistentVolumeClaim').sort()).toEqual(names.map((name) => `trial-${name}`));
    expect(named(after.objects, 'Deployment').sort()).toEqual([
      'trial-beneficiary',
      'trial-fiduciary-1',
      'trial-fiduciary-2',
      'trial-fiduciary-3',
      'trial-gateway',
      'trial-principal',
    ]);
    expect(jobs(after.objects).sort()).toEqual(names.map((name) => `trial-${name}-migrate`));
    expect(named(after.objects, 'PersistentVolumeClaim')).toEqual(named(before.objects, 'PersistentVolumeClaim'));
  });

  test('is told which node it has to be, so that it does not start on the claim of another', () => {
    for (const { pods } of [rendering('standalone, after'), rendering('hsm')]) {
      const roles = pods.filter(({ owner, labels }) => owner.kind === 'Deployment' && 'dta/identity' in labels);
      expect(roles.length).toBe(5);
      for (const { owner, spec } of roles)
        expect(environmentOf(spec.containers[0]).get('EXPECTED_NODE')).toBe(nodeOf(owner.metadata.name));
    }
  });

  test('is added beside those that run, which go on without it', () => {
    const { objects, pods } = rendering('growing');
    const jobs = named(objects, 'Job').filter((name) => name.includes('-identity-'));
    expect(jobs).toEqual([expect.stringMatching(/^trial-fiduciary-3-identity-/)]);
    expect(named(objects, 'Deployment')).not.toContain('trial-fiduciary-3');
    const of = (name: string) =>
      environmentOf(pods.find(({ owner }) => owner.metadata.name === name)?.spec.containers[0]);
    const nodes = ['trial-fiduciary-1', 'trial-fiduciary-2'].map(nodeOf).join(',');
    expect(of('trial-gateway').get('FIDUCIARIES')).toBe(nodes);
    expect(of('trial-principal').get('FIDUCIARY_SET')).toBe(nodes);
  });

  test('admits whom its values name; another document changes its folder and no pod', async () => {
    const { objects, pods } = rendering('alpha, after');
    const folder = (name: string, among = objects) =>
      Object.keys(among.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name)?.binaryData ?? {});
    expect(folder('trial-fiduciary-admitted')).toEqual(['alpha-fiduciary-0', 'alpha-principal-0']);
    expect(folder('trial-principal-admitted').length).toBe(5);
    const more = { identities: { 'gamma-fiduciary': { documents: ['AAAA', 'BBBB'] } } };
    const after = await render('trial', EXAMPLES.alpha, allMade('alpha'), more);
    expect(folder('trial-principal-admitted', after)).toContain('gamma-fiduciary-1');
    expect(changed(pods, podsOf(after))).toEqual([]);
  });
});

/** Owners of pods of one rendering that another rendering has otherwise. */
function changed(pods: readonly Pod[], others: readonly Pod[]): string[] {
  const by = new Map(others.map((pod) => [pod.owner.metadata.name, pod]));
  return pods
    .filter(({ owner }) => owner.kind === 'Deployment')
    .filter(({ owner, annotations }) => {
      return JSON.stringify(annotations) !== JSON.stringify(by.get(owner.metadata.name)?.annotations);
    })
    .map(({ owner }) => owner.metadata.name)
    .sort();
}

test('another secretsVersion rolls every pod', async () => {
  const { pods } = rendering('standalone, after');
  const other = podsOf(await render('trial', EXAMPLES.standalone, allMade('standalone'), { secretsVersion: '1' }));
  expect(changed(pods, other).length).toBe(6);
});

describe('scaling', () => {
  const of = (name: string, kind: string) => rendering(name).objects.filter((object) => object.kind === kind);

  test('by an HPA leaves the number of replicas to it, by CPU and what values add', () => {
    const [hpa] = of('fiduciary, after', 'HorizontalPodAutoscaler');
    const [deployment] = of('fiduciary, after', 'Deployment');
    expect(hpa?.spec).toMatchObject({
      scaleTargetRef: { kind: 'Deployment', name: deployment?.metadata.name },
      minReplicas: 2,
      maxReplicas: 4,
      metrics: [{ type: 'Resource' }, { type: 'Pods', pods: { metric: { name: 'dta_messages_in_work' } } }],
    });
    expect(deployment?.spec).not.toHaveProperty('replicas');
  });

  test('has a budget from two replicas on, that lets a node be drained', () => {
    expect(named(of('standalone, after', 'PodDisruptionBudget'), 'PodDisruptionBudget')).toEqual([]);
    expect(of('fiduciary, after', 'PodDisruptionBudget').map(({ spec }) => spec)).toEqual([
      expect.objectContaining({ maxUnavailable: 1 }),
    ]);
    const [budget] = of('everything', 'PodDisruptionBudget').filter(({ metadata }) => /principal/.test(metadata.name));
    expect(budget?.spec).toMatchObject({ minAvailable: 2 });
  });

  test('stops the old pod first where one machine mounts its claim, and nowhere else', () => {
    const strategies = (name: string) =>
      Object.fromEntries(
        of(name, 'Deployment').map(({ metadata, spec }) => {
          const { strategy } = spec as { strategy: { type: string } }; // of a Deployment
          return [metadata.name, strategy.type];
        }),
      );
    expect(strategies('standalone, after')).toMatchObject({
      'trial-principal': 'Recreate',
      'trial-gateway': 'RollingUpdate',
    });
    expect(strategies('fiduciary, after')).toEqual({ 'trial-fiduciary': 'RollingUpdate' });
    expect(strategies('hsm')).toMatchObject({ 'trial-principal': 'RollingUpdate' });
    expect(strategies('everything')).toMatchObject({
      'trial-principal': 'RollingUpdate',
      'trial-fiduciary-1': 'Recreate',
    });
  });

  test('selects, for budgets and Deployments, pods of that Deployment alone, not those of the Job that made its identity', () => {
    for (const example of examples) {
      const [before, after] = [rendering(`${example}, before`), rendering(`${example}, after`)];
      for (const { kind, metadata, spec } of after.objects) {
        if (kind !== 'Deployment' && kind !== 'PodDisruptionBudget') continue;
        const { matchLabels } = (spec as { selector: { matchLabels: Record<string, string> } }).selector; // of these two
        const selected = [...before.pods, ...after.pods].filter(({ labels }) =>
          Object.entries(matchLabels).every(([key, value]) => labels[key] === value),
        );
        expect(selected.map(({ owner }) => owner.metadata.name)).toEqual([metadata.name]);
      }
    }
  });
});

describe('hooks', () => {
  const hooks = () =>
    rendering('everything').objects.filter(({ metadata }) => metadata.annotations?.['helm.sh/hook'] !== undefined);

  test('migrate each database before an install or upgrade, with all that the Jobs need', () => {
    const before = hooks().filter(
      ({ metadata }) => metadata.annotations?.['helm.sh/hook'] === 'pre-install,pre-upgrade',
    );
    expect(before.filter(({ kind }) => kind === 'Job').length).toBe(5);
    const weight = ({ metadata }: KubernetesObject) => Number(metadata.annotations?.['helm.sh/hook-weight']);
    for (const job of podsOf(before)) {
      const account = before.find(
        ({ kind, metadata }) => kind === 'ServiceAccount' && metadata.name === job.spec.serviceAccountName,
      );
      expect(account).toBeDefined();
      expect(weight(account ?? job.owner)).toBeLessThan(weight(job.owner));
    }
    expect(before.filter(({ kind }) => kind === 'NetworkPolicy').map(weight)).toEqual([-10]);
  });

  test('leave nothing once they have succeeded', () => {
    for (const { metadata } of hooks())
      expect(metadata.annotations?.['helm.sh/hook-delete-policy']).toBe('before-hook-creation,hook-succeeded');
  });

  test('leave a Job that failed for a day, since Helm takes none away at its uninstall', () => {
    const jobs = hooks().filter(({ kind }) => kind === 'Job');
    expect(jobs.length).toBe(5);
    for (const { spec } of jobs) expect(spec).toMatchObject({ ttlSecondsAfterFinished: 86_400 });
  });
});

describe('monitoring', () => {
  test('has the alerts of deploy/prometheus, under the name of the job that they ask for', async () => {
    const { objects } = rendering('everything');
    const rules = objects.find(({ kind }) => kind === 'PrometheusRule');
    expect(rules?.spec).toEqual(parse(await readFile(join(ROOT, 'deploy/prometheus/rules.yaml'), 'utf8')));
    const monitor = objects.find(({ kind }) => kind === 'ServiceMonitor');
    expect(monitor?.spec).toMatchObject({
      endpoints: [{ port: 'metrics', honorLabels: true, relabelings: [{ targetLabel: 'job', replacement: 'dta' }] }],
    });
    const service = objects.find(({ metadata }) => metadata.name === 'trial-metrics');
    expect(service?.metadata.labels).toMatchObject(
      (monitor?.spec as { selector: { matchLabels: object } }).selector.matchLabels, // of a ServiceMonitor
    );
  });

  test('has the dashboard of deploy/grafana', async () => {
    const dashboard = rendering('everything').objects.find(({ metadata }) => metadata.name === 'trial-dashboard');
    expect(dashboard?.data?.['dta.json']).toBe(await readFile(join(ROOT, 'deploy/grafana/dashboard.json'), 'utf8'));
  });

  test('makes nothing where it is not switched on', () => {
    const kinds = rendering('standalone, after').objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(kinds.filter((each) => /Monitor|Rule|dashboard|metrics/.test(each))).toEqual([]);
  });
});

describe('helm test', () => {
  let server: Server;
  let status = 503;
  let url: string;
  beforeAll(async () => {
    server = createServer((request, response) => {
      response.writeHead(request.url === '/health/ready' ? status : 404).end('{"ready":false}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on TCP
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  /** The pod's program with its environment, but for where the gateway is; ends with its exit status. */
  async function asked(gateway: string): Promise<number | null> {
    const pod = rendering('standalone, after').pods.find(({ owner }) => owner.kind === 'Pod');
    const [container] = pod?.spec.containers ?? [];
    const [, ...args] = container?.command ?? [];
    expect(environmentOf(container).get('GATEWAY')).toBe('http://trial-gateway.trial.svc:5556');
    const child = spawn(process.execPath, args, { env: { GATEWAY: gateway, TIMEOUT_SECONDS: '0' }, stdio: 'ignore' });
    return new Promise((resolve) => child.once('exit', resolve));
  }

  test('passes where the gateway is ready, and not where it or a role is away', async () => {
    expect(await asked(url)).toBe(1);
    status = 200;
    expect(await asked(url)).toBe(0);
    expect(await asked('http://127.0.0.1:9')).toBe(1);
  });
});
