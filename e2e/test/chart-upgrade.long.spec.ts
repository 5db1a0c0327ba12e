// budget: 600 s
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { restApi, whyNoRealPods, type RestApi } from '@dta/testkit';
import { randomBytes } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isPrivateKeyOf, place, redeem, until } from '../src/orders.js';
import { startChartCluster, type ChartCluster } from '../src/pods.js';

// An operator on real pods whose custody is SoftHSM's, with two replicas of everything: what `helm upgrade` does to orders.
// NATS and PostgreSQL are those of the trial. The network enforces no NetworkPolicy, and there is one machine.
jest.setTimeout(900_000);

const refused = await whyNoRealPods();
if (refused !== null) console.log(refused);
const withRealPods = refused === null ? describe : describe.skip;

const IDENTITIES = ['principal', 'beneficiary', 'fiduciary-1', 'fiduciary-2', 'fiduciary-3'] as const;
const SOFTHSM = 'softhsm:2.6';
/** One small machine has all pods, and those that a rollout adds: what they ask for by default is more than its two CPUs. */
const small = { requests: { cpu: '20m' } };
const token = (label: string) => ({ custody: { pkcs11: { token: label } } });
/** Laid over the trial's values. */
const values = {
  role: {
    replicas: 2,
    resources: small,
    database: { pool: 4 },
    custody: {
      kind: 'pkcs11',
      pkcs11: {
        image: SOFTHSM,
        copy: ['/opt/softhsm/lib/.'],
        module: 'libsofthsm2.so',
        environment: { SOFTHSM2_CONF: '/pkcs11-configuration/softhsm2.conf' },
        existingSecret: 'softhsm',
      },
    },
    persistence: { accessMode: 'ReadWriteMany', keep: true },
    extraVolumes: [{ name: 'tokens', persistentVolumeClaim: { claimName: 'tokens' } }],
    extraVolumeMounts: [{ name: 'tokens', mountPath: '/tokens' }],
  },
  principal: token('principal'),
  beneficiary: token('beneficiary'),
  fiduciaries: [1, 2, 3].map((at) => ({
    name: `fiduciary-${at}`,
    existingSecret: `dta-fiduciary-${at}`,
    custody: { pkcs11: { token: `fiduciary-${at}`, signInToken: true } },
  })),
  gateway: { replicas: 2, resources: small },
  // a busy machine takes its time to tell kube-proxy that a pod ends
  shutdown: { preStopSeconds: 10, gracePeriodSeconds: 45 },
  migrate: { resources: small },
  makeIdentities: { resources: small },
};

/** What stands for an HSM: SoftHSM keeps tokens in a folder, here of a claim, and finds them by a file. */
function hsm(pins: ReadonlyMap<string, string>): object[] {
  const of = (name: string) => ({ metadata: { name } });
  const initialise = [...pins].map(
    ([label, pin]) =>
      `softhsm2-util --module /opt/softhsm/lib/libsofthsm2.so --init-token --free --label ${label} --so-pin ${pin} --pin ${pin}`,
  );
  const user = { runAsUser: 10001, runAsGroup: 10001, fsGroup: 10001, runAsNonRoot: true };
  const container = {
    name: 'tokens',
    image: SOFTHSM,
    command: ['sh', '-ec', initialise.join('\n')],
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    env: [{ name: 'SOFTHSM2_CONF', value: '/pkcs11-configuration/softhsm2.conf' }],
    volumeMounts: [
      { name: 'tokens', mountPath: '/tokens' },
      { name: 'configuration', mountPath: '/pkcs11-configuration' },
    ],
  };
  const pod = {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    securityContext: { ...user, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [container],
    volumes: [
      { name: 'tokens', persistentVolumeClaim: { claimName: 'tokens' } },
      { name: 'configuration', secret: { secretName: 'softhsm', defaultMode: 0o440 } },
    ],
  };
  return [
    {
      ...{ apiVersion: 'v1', kind: 'Secret', ...of('softhsm') },
      stringData: {
        'softhsm2.conf': 'directories.tokendir = /tokens\nobjectstore.backend = file\nlog.level = ERROR\n',
      },
    },
    {
      ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', ...of('tokens') },
      spec: { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '64Mi' } } },
    },
    { apiVersion: 'batch/v1', kind: 'Job', ...of('tokens'), spec: { template: { spec: pod } } },
  ];
}

/** Clients that place orders one after the other, each with a connection of its own, until they are stopped. */
interface Load {
  /** orderReferences of what was taken */
  readonly placed: string[];
  /** status and code of what was not, by how often */
  readonly refused: Map<string, number>;
  /** how often a connection broke, by why */
  readonly broken: Map<string, number>;
  stop(): Promise<void>;
}

function placeOrders(api: RestApi, clients: number): Load {
  const placed: string[] = [];
  const [refused, broken] = [new Map<string, number>(), new Map<string, number>()];
  const count = (of: Map<string, number>, what: string) => of.set(what, (of.get(what) ?? 0) + 1);
  let stopped = false;
  const client = async () => {
    while (!stopped) {
      // asked again with the same key after a connection that broke, as a client does that doesn't know what became of it
      const headers = { 'idempotency-key': randomBytes(16).toString('hex'), connection: 'close' };
      for (let isAnswered = false; !isAnswered;) {
        try {
          const { status, body } = await api.post('/v1/order', { wait: 30 }, headers);
          isAnswered = true;
          if (status === 200 || status === 202) placed.push(String(body?.['orderReference']));
          else count(refused, `${status} ${String(body?.['code'])}: ${String(body?.['detail'])}`);
        } catch (error) {
          const { cause } = error as { cause?: { code?: string } }; // fetch's
          count(broken, cause?.code ?? String(error));
        }
        await delay(100);
      }
    }
  };
  const all = Array.from({ length: clients }, client);
  return {
    ...{ placed, refused, broken },
    stop: async () => {
      stopped = true;
      await Promise.all(all);
    },
  };
}

/** Opens connections to the gateway, one each 20 ms, until it is stopped; gives how many, and how often one broke, by why. */
function knock(url: string): () => Promise<{ opened: number; broken: Map<string, number> }> {
  const broken = new Map<string, number>();
  let [opened, stopped] = [0, false];
  const knocking = (async () => {
    for (; !stopped; opened++) {
      try {
        // whatever it answers
        await (
          await fetch(`${url}/health/live`, {
            headers: { connection: 'close' },
            signal: AbortSignal.timeout(15_000),
          })
        ).arrayBuffer();
      } catch (error) {
        const why = (error as { cause?: { code?: string } }).cause?.code ?? String(error); // fetch's
        broken.set(why, (broken.get(why) ?? 0) + 1);
      }
      await delay(20);
    }
  })();
  return async () => {
    stopped = true;
    await knocking;
    return { opened, broken };
  };
}

withRealPods('one operator on Kubernetes with an HSM and two replicas of everything', () => {
  let cluster: ChartCluster;
  let api: RestApi;
  let gateway: string;

  beforeAll(async () => {
    cluster = await startChartCluster({
      standIns: ['nats:2.12-alpine', 'postgres:18-alpine', SOFTHSM],
      volumes: IDENTITIES.length + 1,
    });
    await writeFile(join(cluster.folder, 'values.json'), JSON.stringify(values));
  });

  afterAll(() => cluster?.stop());

  const kubectl = (...args: string[]) => cluster.kubectl(['--namespace', 'trial', ...args]);

  /** A command of Helm with all values there are, and more. */
  async function helm(command: 'install' | 'upgrade', ...more: string[]): Promise<void> {
    const printed = (await readdir(cluster.folder)).filter((name) => name.endsWith('.yaml')); // by the Jobs
    const files = ['k8s/examples/standalone/values.yaml', 'values.json', ...printed].map((name) => ['-f', name]).flat();
    const patience = ['--wait', '--timeout', '4m'];
    await cluster.follow([['helm -n trial', command, 'trial k8s/dta', ...files, ...patience, ...more].join(' ')]);
  }

  /** The uids of the pods that run, by identity, and the gateway's. */
  async function pods(): Promise<Map<string, string[]>> {
    const selector = 'app.kubernetes.io/instance=trial,app.kubernetes.io/component notin (identity,migrate,test)';
    const { items } = (await cluster.get('pods', '--namespace', 'trial', '--selector', selector)) as {
      items: { metadata: { uid: string; labels: Record<string, string>; deletionTimestamp?: string } }[];
    }; // as the API has it
    const found = new Map<string, string[]>();
    for (const { metadata } of items) {
      if (metadata.deletionTimestamp !== undefined) continue; // it ends
      const name = metadata.labels['dta/identity'] ?? 'gateway';
      found.set(name, [...(found.get(name) ?? []), metadata.uid].sort());
    }
    return found;
  }

  /** Those that have none of the pods that they had before. */
  const rolled = (before: ReadonlyMap<string, string[]>, after: ReadonlyMap<string, string[]>) =>
    [...after]
      .filter(([name, uids]) => !uids.some((uid) => before.get(name)?.includes(uid)))
      .map(([name]) => name)
      .sort();

  /** Each has to be committed, and to give its private key: four at a time. */
  async function redeemAll(placed: readonly string[]): Promise<void> {
    const left = [...placed];
    const some = async () => {
      for (let order = left.pop(); order !== undefined; order = left.pop()) {
        const { commitment } = await until(api, order, ({ state }) => state === 'committed');
        expect(isPrivateKeyOf(await redeem(api, order), String(commitment))).toBe(true);
      }
    };
    await Promise.all([some(), some(), some(), some()]);
  }

  test('is installed in two steps, and gives a private key to an order through the Service', async () => {
    const pins = new Map(IDENTITIES.map((name) => [name, randomBytes(8).toString('hex')]));
    await cluster.follow([
      'kubectl create namespace trial',
      'kubectl label namespace trial pod-security.kubernetes.io/enforce=restricted',
      'k8s/examples/standalone/secrets.sh | kubectl -n trial create -f -',
      'kubectl -n trial apply -f k8s/examples/standalone/services.yaml',
    ]);
    for (const [name, pin] of pins)
      await kubectl('patch', 'secret', `dta-${name}`, '--patch', JSON.stringify({ stringData: { 'pkcs11-pin': pin } }));
    await cluster.kubectl(['--namespace', 'trial', 'create', '--filename', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: hsm(pins) }),
    });
    await kubectl('rollout', 'status', 'deployment/nats', 'deployment/postgres', '--timeout=3m');
    await kubectl('wait', '--for=condition=complete', '--timeout=3m', 'job/tokens');

    await helm('install');
    await kubectl('wait', '--for=condition=complete', '--timeout=3m', 'job', '-lapp.kubernetes.io/component=identity');
    for (const name of IDENTITIES) {
      const job = `app.kubernetes.io/component=identity,dta/identity=${name}`;
      await writeFile(join(cluster.folder, `${name}.yaml`), await kubectl('logs', '--selector', job, '--tail=-1'));
    }
    await helm('upgrade');
    await cluster.helm(['--namespace', 'trial', 'test', 'trial']);

    const { spec } = (await cluster.get('service', 'trial-gateway', '--namespace', 'trial')) as {
      spec: { clusterIP: string; ports: { port: number }[] };
    }; // as the API has it
    const { url } = await cluster.open(spec.clusterIP, spec.ports[0]?.port ?? 0);
    gateway = url;
    const secret = ['get', 'secret', 'dta-token', '--output', 'go-template={{.data.token | base64decode}}'];
    api = restApi(url, await kubectl(...secret));
    const { orderReference, commitment } = await place(api);
    expect(isPrivateKeyOf(await redeem(api, orderReference), commitment)).toBe(true);
    const before = await pods();
    expect([...before].map(([name, { length }]) => [name, length]).sort()).toEqual(
      [...IDENTITIES, 'gateway'].sort().map((name) => [name, 2]),
    );
  });

  test('helm upgrade rolls every pod under load: no order that was taken is lost, and nothing is refused but as busy', async () => {
    const before = await pods();
    const load = placeOrders(api, 2);
    const begun = async (count: number) => {
      for (const limit = Date.now() + 60_000; load.placed.length < count && Date.now() < limit;) await delay(20);
    };
    await begun(2);
    const stopKnocking = knock(gateway);
    let knocked;
    try {
      await helm('upgrade', '--set', 'role.logLevel=warn,gateway.logLevel=warn');
      await begun(load.placed.length + 2);
    } finally {
      knocked = await stopKnocking();
      await load.stop();
      const { placed, refused, broken } = load;
      console.log('orders while everything rolled', placed.length, { refused, broken, knocked });
    }
    expect(knocked.opened).toBeGreaterThan(500);
    // a pod that ends takes connections until the Service has forgotten it
    expect([...knocked.broken]).toEqual([]);
    expect(rolled(before, await pods())).toEqual([...IDENTITIES, 'gateway'].sort());
    expect([...load.refused.keys()].filter((refusal) => !refusal.startsWith('503 busy'))).toEqual([]);
    await redeemAll(load.placed);
  });

  test('a Secret that changes rolls the pods that read it, and no others', async () => {
    const before = await pods();
    const secret = ['get', 'secret', 'dta-fiduciary-2', '--output'];
    const old = await kubectl(...secret, 'go-template={{index .data "internal-key" | base64decode}}');
    const both = { stringData: { 'internal-key': `${old}:${randomBytes(32).toString('hex')}` } };
    await kubectl('patch', 'secret', 'dta-fiduciary-2', '--patch', JSON.stringify(both));
    await helm('upgrade', '--set', 'role.logLevel=warn,gateway.logLevel=warn');
    const after = await pods();
    expect(rolled(before, after)).toEqual(['fiduciary-2', 'gateway']);
    for (const name of IDENTITIES.filter((other) => other !== 'fiduciary-2'))
      expect([name, after.get(name)]).toEqual([name, before.get(name)]);
    await redeemAll([(await place(api)).orderReference]);
  });

  test('helm uninstall leaves the claims of its keys, and nothing else', async () => {
    await cluster.helm(['--namespace', 'trial', 'uninstall', 'trial', '--wait', '--timeout', '3m']);
    await kubectl('wait', '--for=delete', 'pod', '--selector', 'app.kubernetes.io/instance=trial', '--timeout=2m');
    const kinds = (await cluster.kubectl(['api-resources', '--namespaced', '--verbs=list', '--output=name']))
      .trim()
      .split('\n')
      .filter((kind) => !kind.startsWith('events'));
    const all = ['get', kinds.join(','), '--selector', 'app.kubernetes.io/instance=trial', '--output', 'name'];
    const left = (await kubectl(...all)).trim().split('\n');
    expect(left.sort()).toEqual([...IDENTITIES].map((name) => `persistentvolumeclaim/trial-${name}`).sort());
    const releases = await cluster.helm(['--namespace', 'trial', 'list', '--short']);
    expect(releases.trim()).toBe('');
  });
});
