import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { EXAMPLES, made, podsOf, render, type KubernetesObject, type Pod, type Values } from '../src/chart.js';
import { mayReach, withoutOne, type NetworkPolicy, type Party, type Target } from '../src/network-policies.js';

// Which party reaches which by the chart's NetworkPolicies: worked out from what Helm renders, as Kubernetes defines it. Whether a
// cluster's network enforces them, no test here says.
jest.setTimeout(300_000);

const elsewhere = (name: string) => ({ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } } });

/** An operator with each kind of role, custody and neighbour: two identities are made yet, two are being made. */
const values: Values = {
  kubo: { url: 'http://kubo.kubo:5001' },
  fiduciaries: [
    {
      name: 'fiduciary-1',
      existingSecret: 'dta-fiduciary-1',
      metrics: { port: 9465 },
      custody: {
        kind: 'pkcs11',
        pkcs11: { image: 'vendor', copy: ['/lib/.'], module: 'libvendor.so', token: 'dta' },
        network: { to: [{ ipBlock: { cidr: '10.20.0.0/28', except: ['10.20.0.8/32'] } }], ports: [1792] },
      },
    },
    { name: 'fiduciary-2', existingSecret: 'dta-fiduciary-2' },
  ],
  networkPolicy: {
    nats: { to: [elsewhere('nats')] },
    postgres: { to: [elsewhere('postgres')] },
    kubo: { to: [elsewhere('kubo')] },
    ingress: { from: [elsewhere('ingress')] },
    monitoring: { from: [elsewhere('monitoring')] },
  },
};
const isMade = made('trial-principal', 'trial-beneficiary', 'trial-fiduciary-1');

let policies: NetworkPolicy[];
let sources: Readonly<Record<string, Party>>;
let targets: Readonly<Record<string, Target>>;

beforeAll(async () => {
  const objects = await render('trial', EXAMPLES.standalone, isMade, values);
  policies = objects.filter((object): object is NetworkPolicy => object.kind === 'NetworkPolicy');
  // the Job of fiduciary-1 as well: it is rendered while it is not made
  const before = podsOf(await render('trial', EXAMPLES.standalone, made('trial-principal'), values));
  const pods = podsOf(objects);
  const of = (name: string, among: readonly Pod[] = pods): Party => {
    const found = among.filter(({ owner }) => owner.metadata.name.replace(/-[0-9a-f]{8}$/, '') === name);
    if (found.length !== 1) throw new Error(`${found.length} pods are of ${name}`);
    return { namespace: 'trial', labels: found[0]?.labels ?? {}, address: '10.1.0.1' };
  };
  const outside = (namespace: string): Party => ({ namespace, labels: { app: namespace }, address: '10.1.0.2' });
  const roles = {
    principal: of('trial-principal'),
    beneficiary: of('trial-beneficiary'),
    'fiduciary-1': of('trial-fiduciary-1'),
    gateway: of('trial-gateway'),
  };
  sources = {
    ...roles,
    migrate: of('trial-principal-migrate'),
    'identity-1': of('trial-fiduciary-1-identity', before),
    'identity-2': of('trial-fiduciary-2-identity'),
    test: of('trial-test'),
    neighbour: outside('trial'),
    'other-role': { ...roles.principal, labels: { ...roles.principal.labels, 'app.kubernetes.io/instance': 'other' } },
    'there-role': { ...roles.principal, namespace: 'other' },
    ingress: outside('ingress'),
    prometheus: outside('monitoring'),
    internet: { address: '203.0.113.9' },
  };
  const tcp = (party: Party, port: number): Target => ({ ...party, protocol: 'TCP', port });
  targets = {
    nats: tcp(outside('nats'), 4222),
    'nats:http': tcp(outside('nats'), 8222),
    postgres: tcp(outside('postgres'), 5432),
    kubo: tcp(outside('kubo'), 5001),
    'kubo:swarm': tcp(outside('kubo'), 4001),
    dns: { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' }, protocol: 'UDP', port: 53 },
    'dns:tcp': { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' }, protocol: 'TCP', port: 53 },
    hsm: tcp({ address: '10.20.0.5' }, 1792),
    'hsm:other': tcp({ address: '10.20.0.8' }, 1792),
    kubernetes: tcp({ address: '10.96.0.1' }, 443),
    internet: tcp({ address: '203.0.113.9' }, 443),
    'P:metrics': tcp(roles.principal, 9464),
    'B:metrics': tcp(roles.beneficiary, 9464),
    'F:metrics': tcp(roles['fiduciary-1'], 9465),
    'F:other': tcp(roles['fiduciary-1'], 9464),
    'G:http': tcp(roles.gateway, 5556),
    'G:metrics': tcp(roles.gateway, 9464),
    'job:any': tcp(of('trial-fiduciary-2-identity'), 5556),
  };
});

/** For each source the targets that it reaches, as one line. */
const matrix = (of: readonly NetworkPolicy[]) =>
  Object.entries(sources).map(([source, from]) => {
    const reached = Object.entries(targets).filter(([, to]) => from !== to && mayReach(of, from, to));
    return `${source}: ${reached.map(([name]) => name).join(' ')}`;
  });

const outside = 'nats nats:http postgres kubo kubo:swarm dns dns:tcp hsm hsm:other kubernetes internet';
const allowed = [
  'principal: nats postgres kubo dns dns:tcp',
  'beneficiary: nats postgres kubo dns dns:tcp',
  'fiduciary-1: nats postgres kubo dns dns:tcp hsm',
  'gateway: nats dns dns:tcp',
  'migrate: postgres dns dns:tcp',
  'identity-1: dns dns:tcp hsm',
  'identity-2: ',
  'test: dns dns:tcp G:http',
  // what is not of the release is free to go, and comes to none of its pods but where it is let in
  `neighbour: ${outside}`,
  `other-role: ${outside}`,
  `there-role: ${outside}`,
  `ingress: ${outside} G:http`,
  `prometheus: ${outside} P:metrics B:metrics F:metrics G:metrics`,
  `internet: ${outside}`,
];

describe('by the NetworkPolicies', () => {
  test("each process reaches what the architecture's arrows say, and nothing else does", () => {
    expect(matrix(policies)).toEqual(allowed);
  });

  test('none of their parts could go without a difference', () => {
    const parts = withoutOne(policies);
    expect(parts.size).toBeGreaterThan(30);
    const unnoticed = [...parts].filter(([, without]) => matrix(without).join('\n') === allowed.join('\n'));
    expect(unnoticed.map(([what]) => what)).toEqual([]);
  });

  test.each<[string, (policy: NetworkPolicy) => void]>([
    ['a role that takes connections', ({ spec }) => spec.ingress?.push({})],
    ['a role that goes anywhere', ({ spec }) => spec.egress?.push({})],
    ['a role that reaches Kubernetes', ({ spec }) => spec.egress?.push({ ports: [{ protocol: 'TCP', port: 443 }] })],
  ])('a rule more makes a difference: %s', (_, add) => {
    const copy = structuredClone(policies);
    for (const policy of copy) add(policy);
    expect(matrix(copy)).not.toEqual(allowed);
  });

  test('helm test reaches the address that it is told, and no longer the gateway past the proxy', async () => {
    const objects = await render('trial', EXAMPLES.standalone, isMade, values, {
      tests: { gatewayUrl: 'https://dta.example:8443' },
      networkPolicy: { tests: { to: [elsewhere('ingress')], ports: [8443] } },
    });
    const [source, proxy] = [sources['test'], targets['nats']];
    if (source === undefined || proxy === undefined) throw new Error('the matrix has neither');
    const told = objects.filter((object): object is NetworkPolicy => object.kind === 'NetworkPolicy');
    const to = { ...proxy, namespace: 'ingress', port: 8443 };
    expect([mayReach(told, source, to), mayReach(policies, source, to)]).toEqual([true, false]);
    expect(mayReach(told, source, { ...to, port: 443 })).toBe(false);
    expect(matrix(told)).toEqual(allowed.map((line) => (line.startsWith('test:') ? 'test: dns dns:tcp' : line)));
  });

  test('with none, everything is open: the chart makes none where it is told so', async () => {
    const objects = await render('trial', EXAMPLES.standalone, isMade, values, { networkPolicy: { enabled: false } });
    expect(objects.filter(({ kind }: KubernetesObject) => kind === 'NetworkPolicy')).toEqual([]);
    expect(matrix([]).every((line) => line.includes('F:metrics') || line.startsWith('fiduciary-1'))).toBe(true);
  });
});
