// budget: 120 s
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { startKubernetes, type Kubernetes } from '@dta/testkit';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { allMade, CHART, EXAMPLES } from '../src/chart.js';
import { ROOT } from '../src/pages.js';

// What a control plane makes of the chart's objects: real API, controllers and scheduler, and nodes that kwok plays, so that
// pods are placed and counted and nothing runs in them. The fiduciary of the example, scaled from two to four replicas.
jest.setTimeout(300_000);

let cluster: Kubernetes;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-chart-'));
  cluster = await startKubernetes({ nodes: 3 });
  const volume = {
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteMany'],
    storageClassName: 'shared',
    hostPath: { path: folder },
  };
  await cluster.apply(
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'beta', labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    },
    { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'shared' }, spec: volume },
  );
});

afterAll(async () => {
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
});

const kubectl = (...args: string[]) => cluster.kubectl(['--namespace', 'beta', ...args]);

/** Runs `helm install` or `upgrade` with the example's values and those, and waits. */
async function helm(what: 'install' | 'upgrade', values: object = {}, timeout = '180s'): Promise<void> {
  const file = join(folder, 'values.yaml');
  const off = { enabled: false }; // its kinds are of operators that this cluster lacks
  const monitoring = { serviceMonitor: off, rules: off };
  await writeFile(file, stringify({ ...allMade('fiduciary'), monitoring, ...values }));
  const files = ['--values', join(ROOT, EXAMPLES.fiduciary), '--values', file];
  const args = [what, 'beta', CHART, '--namespace', 'beta', ...files, '--wait', '--timeout', timeout];
  await cluster.helm(args, { timeoutMs: 240_000 });
}

interface Listed {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
}

/** Objects of a kind. */
async function list<T>(kind: string, ...args: string[]): Promise<(T & Listed)[]> {
  const { items } = (await cluster.get(kind, '--namespace', 'beta', ...args)) as { items: (T & Listed)[] }; // as the API has it
  return items;
}

interface Event {
  readonly reason: string;
  readonly involvedObject: { readonly kind: string; readonly name: string };
}

/** When something was first told of an object: the API numbers what it stores. */
async function toldAt(kind: string, reason: string): Promise<number> {
  const events = await list<Event>('events');
  const numbers = events
    .filter((event) => event.reason === reason && event.involvedObject.kind === kind)
    .map(({ metadata }) => Number(metadata.resourceVersion));
  expect(numbers).not.toEqual([]);
  return Math.min(...numbers);
}

test('the database is migrated before a Deployment is made; the Job is gone, the replicas are spread over the zones', async () => {
  await helm('install');
  expect(await toldAt('Job', 'Completed')).toBeLessThan(await toldAt('Deployment', 'ScalingReplicaSet'));
  expect(await list('jobs')).toEqual([]);
  const pods = await list<{ spec: { nodeName: string } }>(
    'pods',
    '--selector',
    'app.kubernetes.io/component=fiduciary',
  );
  expect(new Set(pods.map(({ spec }) => spec.nodeName)).size).toBe(2);
});

test('the HPA scales the Deployment between its bounds, by what values add', async () => {
  const [hpa] = await list<{ spec: Record<string, unknown> }>('horizontalpodautoscalers');
  expect(hpa?.spec).toMatchObject({
    ...{ minReplicas: 2, maxReplicas: 4 },
    scaleTargetRef: { kind: 'Deployment', name: 'beta-fiduciary' },
    metrics: expect.arrayContaining([
      expect.objectContaining({ pods: expect.objectContaining({ metric: { name: 'dta_messages_in_work' } }) }),
    ]),
  });
});

test('an upgrade leaves the number of replicas to the HPA, and rolls by one more than wanted', async () => {
  await kubectl('scale', 'deployment/beta-fiduciary', '--replicas=3'); // as the HPA does
  await kubectl('rollout', 'status', 'deployment/beta-fiduciary', '--timeout=120s');
  await helm('upgrade', { secretsVersion: '2' });
  await kubectl('rollout', 'status', 'deployment/beta-fiduciary', '--timeout=120s');
  const [deployment] = await list<{ spec: { replicas: number; strategy: unknown } }>('deployments');
  expect(deployment?.spec).toMatchObject({
    replicas: 3,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
  });
});

test('an HPA that is switched on takes over the replicas that are there', async () => {
  // our own example
  const [fiduciary] = (parse(await readFile(join(ROOT, EXAMPLES.fiduciary), 'utf8')) as { fiduciaries: object[] })
    .fiduciaries;
  await helm('upgrade', { fiduciaries: [{ ...fiduciary, autoscaling: { enabled: false }, replicas: 4 }] });
  await helm('upgrade');
  const [deployment] = await list<{ spec: { replicas: number } }>('deployments');
  expect(deployment?.spec.replicas).toBe(4);
});

test('values without a node of what runs are refused, and change nothing', async () => {
  const { 'alpha-principal': others } = allMade('fiduciary').identities;
  await expect(helm('upgrade', { identities: { 'alpha-principal': others } })).rejects.toThrow(
    'identities.beta-fiduciary is missing, and beta-fiduciary runs',
  );
  expect(await list('deployments')).toHaveLength(1);
});

test('a budget lets one pod be evicted, and the next only when there is another', async () => {
  const podNames = async () =>
    (
      await list(
        'pods',
        '--selector',
        'app.kubernetes.io/component=fiduciary',
        '--field-selector',
        'status.phase=Running',
      )
    ).map(({ metadata }) => metadata.name);
  const evict = (name: string) => {
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: 'beta' } };
    const path = `/api/v1/namespaces/beta/pods/${name}/eviction`;
    return cluster.kubectl(['create', '--raw', path, '--filename', '-'], { input: JSON.stringify(eviction) });
  };
  await cluster.kubectl(['cordon', 'node-1', 'node-2', 'node-3']); // no other pod comes in its place
  const [one = '', other = ''] = await podNames();
  await evict(one);
  await kubectl('wait', '--for=delete', `pod/${one}`, '--timeout=60s');
  await expect(evict(other)).rejects.toThrow("would violate the pod's disruption budget");
  await cluster.kubectl(['uncordon', 'node-1', 'node-2', 'node-3']);
  await kubectl('rollout', 'status', 'deployment/beta-fiduciary', '--timeout=120s');
  await evict(other);
});

const uninstall = () =>
  cluster.helm(['uninstall', 'beta', '--namespace', 'beta', '--wait', '--timeout', '120s'], { timeoutMs: 180_000 });

/** What there is of the release, but for the pods of Jobs. */
async function left(): Promise<string[]> {
  const kinds =
    'deployments,jobs,services,configmaps,secrets,serviceaccounts,networkpolicies,horizontalpodautoscalers,persistentvolumeclaims';
  const names = await kubectl('get', kinds, '--selector', 'app.kubernetes.io/instance=beta', '--output', 'name');
  return names.trim().split('\n').sort();
}

test('an uninstall leaves the claim alone, with the keys', async () => {
  await uninstall();
  expect(await left()).toEqual(['persistentvolumeclaim/beta-fiduciary']);
  expect(await list('pods', '--selector', 'app.kubernetes.io/instance=beta')).toEqual([]);
});

test('of a migration that did not end an uninstall leaves the Job, which goes by the command of the page', async () => {
  await cluster.kubectl(['cordon', 'node-1', 'node-2', 'node-3']); // no machine has room for it
  await expect(helm('install', {}, '1s')).rejects.toThrow(/failed pre-install/);
  await uninstall();
  expect(await left()).toEqual(['job.batch/beta-fiduciary-migrate', 'persistentvolumeclaim/beta-fiduciary']);
  const page = await readFile(join(ROOT, 'docs/kubernetes.md'), 'utf8');
  const selector = /^\$ kubectl -n trial delete job,pod -l '(.+)'$/m.exec(page)?.[1] ?? '';
  await kubectl('delete', 'job,pod', '--selector', selector.replace('=trial,', '=beta,'));
  expect(await left()).toEqual(['persistentvolumeclaim/beta-fiduciary']);
  expect(await list('pods', '--selector', 'app.kubernetes.io/instance=beta')).toEqual([]);
});
