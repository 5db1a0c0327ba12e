// budget: 240 s
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  startKubernetes,
  startRealKubernetes,
  whyNoRealPods,
  type Kubernetes,
  type RealKubernetes,
} from '@dta/testkit';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../src/pages.js';

// A Kubernetes of the suite's own: first with nodes that kwok plays, then with one whose pods run. The control plane is
// real in both. What the second lacks is said where it is started: limits of memory and CPU, and NetworkPolicies.
jest.setTimeout(600_000);

const run = promisify(execFile);

/** What the level `restricted` of PodSecurity asks of a container. */
const restricted = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
};
const ofNamespace = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
});
const container = (program: string, more: object = {}) => ({
  name: 'main',
  image: 'localhost/dta:latest',
  imagePullPolicy: 'Never',
  command: ['node', '-e', program],
  securityContext: restricted,
  ...more,
});
const podOf = (containers: readonly object[], more: object = {}) => ({
  terminationGracePeriodSeconds: 1,
  automountServiceAccountToken: false,
  ...more,
  containers,
});
const deployment = (name: string, replicas: number, spec: object) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec },
  },
});
/** Waits as long as a busy machine takes. */
const patience = '--timeout=180s';

describe('nodes that kwok plays', () => {
  let cluster: Kubernetes;

  beforeAll(async () => {
    cluster = await startKubernetes({ nodes: 3 });
    await cluster.apply(ofNamespace('trial'));
  });

  afterAll(() => cluster?.stop());

  test('a Deployment rolls out, spread over the zones', async () => {
    const topologySpreadConstraints = [
      {
        maxSkew: 1,
        topologyKey: 'topology.kubernetes.io/zone',
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: { app: 'web' } },
      },
    ];
    const spec = podOf([container('')], { topologySpreadConstraints });
    await cluster.kubectl(['apply', '--namespace', 'trial', '--filename', '-'], {
      input: JSON.stringify(deployment('web', 6, spec)),
    });
    await cluster.kubectl(['rollout', 'status', 'deployment/web', '--namespace', 'trial', patience]);
    // as the API has it
    const { items } = (await cluster.get('pods', '--namespace', 'trial')) as {
      items: { spec: { nodeName: string } }[];
    };
    const nodes = ['node-1', 'node-2', 'node-3'];
    expect(items.map((pod) => pod.spec.nodeName).sort()).toEqual(nodes.flatMap((node) => [node, node]));
  });

  test('PodSecurity refuses a pod that may be root', async () => {
    const pod = (securityContext: object) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'alone', namespace: 'trial' },
      spec: podOf([{ ...container(''), securityContext }]),
    });
    await expect(cluster.apply(pod({ ...restricted, runAsNonRoot: false }))).rejects.toThrow(
      /violates PodSecurity "restricted:latest": runAsNonRoot != true/,
    );
    await cluster.apply(pod(restricted));
  });
});

const refused = await whyNoRealPods();
if (refused !== null) console.log(refused);
const withRealPods = refused === null ? describe : describe.skip;

withRealPods('real pods', () => {
  let cluster: RealKubernetes;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dta-kubernetes-'));
    const build = [join(ROOT, 'tools/images/build.mjs'), '--debian', '--save', folder];
    await run(process.execPath, build, { cwd: ROOT });
    cluster = await startRealKubernetes();
    await cluster.importImage(join(folder, 'dta.tar'));
    await cluster.apply(ofNamespace('trial'));
  });

  afterAll(async () => {
    await cluster?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const kubectl = (...args: string[]) => cluster.kubectl(['--namespace', 'trial', ...args]);
  const apply = (object: object) =>
    cluster.kubectl(['apply', '-n', 'trial', '-f', '-'], { input: JSON.stringify(object) });
  const ready = (name: string) => kubectl('rollout', 'status', `deployment/${name}`, patience);
  const inside = (name: string, program: string) => kubectl('exec', `deployment/${name}`, '--', 'node', '-e', program);
  const podsOf = async (name: string) => {
    const got = await cluster.get('pods', '--namespace', 'trial', '--selector', `app=${name}`);
    // as the API has them
    const { items } = got as { items: { metadata: { name: string; uid: string }; status: { podIP: string } }[] };
    return items;
  };

  /** Answers with the pod's name; asked for `/end`, it ends. */
  const server = `require('node:http').createServer((request, response) => {
      response.setHeader('connection', 'close').end(require('node:os').hostname());
      if (request.url === '/end') process.exit(1);
    }).listen(8080, () => console.log('listening'))`;
  const served = container(server, {
    ports: [{ containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
  });
  const service = (name: string, more: object = {}) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }], ...more },
  });

  test('our image runs as user 10001, on a root that it may not write', async () => {
    await apply(deployment('web', 2, podOf([served])));
    await apply(service('web'));
    await ready('web');
    expect((await kubectl('exec', 'deployment/web', '--', 'id', '-u')).trim()).toBe('10001');
    await expect(kubectl('exec', 'deployment/web', '--', 'touch', '/app/x')).rejects.toThrow('Read-only file system');
    expect(await inside('web', 'console.log(process.version)')).toContain('v24.');
    expect(await kubectl('logs', 'deployment/web')).toBe('listening\n');
  });

  test('a Service leads to each of its pods, by its name from a pod, and by its address', async () => {
    const names = (await podsOf('web')).map(({ metadata }) => metadata.name).sort();
    const asked = `(async () => {
      const seen = new Set();
      while (seen.size < 2) seen.add(await (await fetch('http://NAME')).text());
      console.log(JSON.stringify([...seen].sort()));
    })()`;
    for (const name of ['web', 'web.trial', 'web.trial.svc.cluster.local']) {
      expect(JSON.parse(await inside('web', asked.replace('NAME', name)))).toEqual(names);
    }
    // as the API has it
    const { spec } = (await cluster.get('service', 'web', '--namespace', 'trial')) as { spec: { clusterIP: string } };
    const { url } = await cluster.open(spec.clusterIP, 80);
    expect(names).toContain(await (await fetch(url)).text());
  });

  test('a headless Service has the addresses of its pods', async () => {
    await apply({ ...service('pods', { clusterIP: 'None', selector: { app: 'web' } }) });
    const addresses = (await podsOf('web')).map(({ status }) => status.podIP).sort();
    const asked = `(async () => {
      const { lookup } = require('node:dns/promises');
      for (;;) {
        const all = await lookup('pods', { all: true, family: 4 }).catch(() => []);
        if (all.length === 2) return console.log(JSON.stringify(all.map(({ address }) => address).sort()));
        await new Promise((done) => setTimeout(done, 100));
      }
    })()`;
    expect(JSON.parse(await inside('web', asked))).toEqual(addresses);
  });

  test('a pod that was killed is replaced, and the Service leads to the new one', async () => {
    const before = (await podsOf('web')).map(({ metadata }) => metadata);
    await kubectl('delete', 'pod', String(before[0]?.name), '--grace-period=0', '--force');
    await ready('web');
    const after = (await podsOf('web')).map(({ metadata }) => metadata);
    expect(after).toHaveLength(2);
    expect(after.map(({ uid }) => uid)).toContain(before[1]?.uid);
    expect(after.map(({ uid }) => uid)).not.toContain(before[0]?.uid);
  });

  test('a container that ended is started again in its pod', async () => {
    await apply(deployment('once', 1, podOf([served])));
    await ready('once');
    await inside('once', "fetch('http://127.0.0.1:8080/end').catch(() => null)").catch(() => ''); // it ends with its container
    const again = '--for=jsonpath={.status.containerStatuses[0].restartCount}=1';
    await kubectl('wait', 'pod', '--selector', 'app=once', again, patience);
    await ready('once');
    expect(await podsOf('once')).toHaveLength(1);
  });

  test('Helm runs a Job as a hook before what it installs, and takes all of it away again', async () => {
    const chart = join(folder, 'chart');
    await mkdir(join(chart, 'templates'), { recursive: true });
    const hook = { 'helm.sh/hook': 'pre-install', 'helm.sh/hook-delete-policy': 'hook-succeeded' };
    const job = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'before', annotations: hook },
      spec: {
        backoffLimit: 0,
        template: { spec: podOf([container('process.exit(0)')], { restartPolicy: 'Never' }) },
      },
    };
    const files = {
      'Chart.yaml': { apiVersion: 'v2', name: 'trial', version: '0.0.1' },
      'templates/job.yaml': job,
      'templates/deployment.yaml': deployment('after', 1, podOf([served])),
    };
    for (const [name, object] of Object.entries(files)) await writeFile(join(chart, name), JSON.stringify(object));
    const helm = (...args: string[]) => cluster.helm(['--namespace', 'trial', ...args], { timeoutMs: 240_000 });
    await helm('install', 'trial', chart, '--wait', '--timeout', '180s');
    expect(await podsOf('after')).toHaveLength(1);
    const events = await kubectl('get', 'events', '--output', 'jsonpath={.items[*].reason}');
    expect(events).toContain('Completed'); // of the Job, which is gone
    await helm('uninstall', 'trial', '--wait', '--timeout', '180s');
    await kubectl('wait', '--for=delete', 'pod', '--selector', 'app=after', patience);
    const left = await kubectl('get', 'deployments,jobs,secrets', '--selector', 'app!=web', '--output', 'name');
    expect(left.trim().split('\n')).toEqual(['deployment.apps/once', 'deployment.apps/web']);
  });
});
