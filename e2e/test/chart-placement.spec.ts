import { beforeAll, describe, expect, jest, test } from '@jest/globals';
import { allMade, EXAMPLES, made, podsOf, render, type Pod, type PodSpec, type Values } from '../src/chart.js';

// On which machines pods may be put, and from which others they are kept apart, by what the chart renders without a cluster.
jest.setTimeout(300_000);

/** What Kubernetes places pods by. */
interface Placed extends PodSpec {
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerations?: readonly object[];
  readonly affinity?: object;
  readonly topologySpreadConstraints?: readonly {
    readonly topologyKey: string;
    readonly whenUnsatisfiable: string;
    readonly labelSelector: { readonly matchLabels: Readonly<Record<string, string>> };
  }[];
}

const placement = ({ spec }: Pod): Placed => spec; // as the API has it
const isOf = (name: string) => (pod: Pod) => pod.owner.metadata.name.replace(/-[0-9a-f]{8}$/, '') === name;

/** Machines of a pool, and that replicas and others are kept apart. */
const onMachines = (pool: string) => ({
  nodeSelector: { pool },
  tolerations: [{ key: 'pool', operator: 'Equal', value: pool, effect: 'NoSchedule' }],
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'hsm', operator: 'In', values: [pool] }] }],
      },
    },
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        {
          topologyKey: 'kubernetes.io/hostname',
          labelSelector: { matchLabels: { 'app.kubernetes.io/instance': 'trial' } },
        },
      ],
    },
  },
});

describe('the machines of a role', () => {
  const values: Values = { role: onMachines('roles'), gateway: onMachines('edge') };
  let pods: Pod[];
  beforeAll(async () => {
    const { 'trial-fiduciary-3': _, ...others } = allMade('standalone').identities;
    pods = podsOf(await render('trial', EXAMPLES.standalone, { identities: others }, values));
  });

  test.each([
    ['trial-principal', 'roles'],
    ['trial-gateway', 'edge'],
  ])('are those of all pods of %s', (name, pool) => {
    const [pod] = pods.filter(isOf(name));
    expect(pod && placement(pod)).toMatchObject(onMachines(pool));
  });

  test.each([
    ['trial-principal-migrate', 'roles'],
    ['trial-fiduciary-3-identity', 'roles'],
    ['trial-test', 'edge'],
  ])('are those of %s too, which nothing keeps apart from those that run', (name, pool) => {
    const [pod] = pods.filter(isOf(name));
    const { nodeSelector, tolerations, affinity } = onMachines(pool);
    expect(pod && placement(pod)).toMatchObject({ nodeSelector, tolerations });
    expect(pod && placement(pod).affinity).toEqual({ nodeAffinity: affinity.nodeAffinity });
  });
});

describe('pods are spread over machines and zones', () => {
  /** By pod: the pods that it is kept apart from, by their Deployments. */
  const apartFrom = (pods: readonly Pod[], name: string): string[][] => {
    const [pod] = pods.filter(isOf(name));
    return (pod === undefined ? [] : (placement(pod).topologySpreadConstraints ?? [])).map(({ labelSelector }) =>
      pods
        .filter(({ labels }) =>
          Object.entries(labelSelector.matchLabels).every(([key, value]) => labels[key] === value),
        )
        .map(({ owner }) => owner.metadata.name),
    );
  };
  const hsm = { kind: 'pkcs11', pkcs11: { image: 'vendor', copy: ['/lib/.'], module: 'libvendor.so', token: 'dta' } };
  const fiduciaries = ['a', 'b', 'c'].map((name) => ({ name, existingSecret: `dta-${name}` }));
  const several = { replicas: 2, custody: hsm, persistence: { accessMode: 'ReadWriteMany' } };
  let pods: Pod[];
  beforeAll(async () => {
    const names = ['principal', 'beneficiary', 'a', 'b', 'c'].map((name) => `trial-${name}`);
    const values = { fiduciaries: fiduciaries.map((each) => (each.name === 'c' ? { ...each, ...several } : each)) };
    pods = podsOf(await render('trial', EXAMPLES.standalone, made(...names), values));
  });

  test("a fiduciary's one pod from those of the operator's other fiduciaries: a machine's end takes few of them", () => {
    const all = ['trial-a', 'trial-b', 'trial-c'];
    expect(apartFrom(pods, 'trial-a')).toEqual([all, all]);
    expect(apartFrom(pods, 'trial-b')).toEqual([all, all]);
  });

  test.each(['trial-c', 'trial-gateway', 'trial-principal'])('the pods of %s from one another', (name) => {
    expect(apartFrom(pods, name)).toEqual([[name], [name]]);
  });

  test('by each topology once, as Kubernetes takes it', () => {
    for (const pod of pods) {
      const spread = (placement(pod).topologySpreadConstraints ?? []).map(({ topologyKey }) => topologyKey);
      expect([pod.owner.metadata.name, new Set(spread).size]).toEqual([pod.owner.metadata.name, spread.length]);
    }
  });
});
