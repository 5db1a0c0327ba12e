import { BlockList, isIPv6 } from 'node:net';
import type { KubernetesObject } from './chart.js';

type Labels = Readonly<Record<string, string>>;

interface Selector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: string[];
  }[];
}

interface Peer {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

interface Rule {
  readonly from?: Peer[];
  readonly to?: Peer[];
  readonly ports?: { readonly protocol?: string; readonly port?: number; readonly endPort?: number }[];
}

/** A NetworkPolicy of networking.k8s.io/v1. */
export interface NetworkPolicy extends KubernetesObject {
  readonly spec: {
    readonly podSelector: Selector;
    readonly policyTypes: readonly ('Ingress' | 'Egress')[];
    readonly ingress?: Rule[];
    readonly egress?: Rule[];
  };
}

/** A party that opens or takes a connection: a pod by its labels, and anything by its address. */
export interface Party {
  readonly namespace?: string;
  readonly labels?: Labels;
  readonly address?: string;
}

/** What a connection is opened to. */
export interface Target extends Party {
  readonly protocol: 'TCP' | 'UDP';
  readonly port: number;
}

/**
 * Whether the policies let `from` open a connection to `to`, as Kubernetes defines it: what no policy selects is open, what
 * one selects is closed but for what some rule of a policy that selects it allows; and both ends must allow it. The name of a
 * namespace is its label `kubernetes.io/metadata.name`.
 */
export function mayReach(policies: readonly NetworkPolicy[], from: Party, to: Target): boolean {
  return (
    allows(policies, from, 'Egress', ({ egress }) => egress, to, to) &&
    allows(policies, to, 'Ingress', ({ ingress }) => ingress, from, to)
  );
}

function allows(
  policies: readonly NetworkPolicy[],
  self: Party,
  type: 'Ingress' | 'Egress',
  rulesOf: (spec: NetworkPolicy['spec']) => readonly Rule[] | undefined,
  other: Party,
  { protocol, port }: Target,
): boolean {
  if (self.labels === undefined) return true; // not a pod: no policy is about it
  const selecting = policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === self.namespace &&
      spec.policyTypes.includes(type) &&
      matches(spec.podSelector, self.labels ?? {}),
  );
  if (selecting.length === 0) return true;
  return selecting.some(({ metadata, spec }) =>
    (rulesOf(spec) ?? []).some((rule) => {
      const peers = type === 'Egress' ? rule.to : rule.from;
      const ports = rule.ports?.length === 0 ? undefined : rule.ports;
      const isPort = ports?.some(
        (each) =>
          (each.protocol ?? 'TCP') === protocol &&
          (each.port === undefined || (each.port <= port && port <= (each.endPort ?? each.port))),
      );
      // without peers or ports, or with empty lists of them, a rule is about all of them
      return (
        (isPort ?? true) &&
        (peers === undefined || peers.length === 0 || peers.some((peer) => isPeer(peer, other, metadata.namespace)))
      );
    }),
  );
}

function isPeer({ podSelector, namespaceSelector, ipBlock }: Peer, other: Party, own: string | undefined): boolean {
  if (ipBlock !== undefined) {
    const { address } = other;
    return (
      address !== undefined &&
      isIn(ipBlock.cidr, address) &&
      !(ipBlock.except ?? []).some((cidr) => isIn(cidr, address))
    );
  }
  if (other.labels === undefined || other.namespace === undefined) return false;
  const isNamespace =
    namespaceSelector === undefined
      ? other.namespace === own
      : matches(namespaceSelector, { 'kubernetes.io/metadata.name': other.namespace });
  return isNamespace && matches(podSelector ?? {}, other.labels);
}

function isIn(cidr: string, address: string): boolean {
  const [net = '', prefix = ''] = cidr.split('/');
  const list = new BlockList();
  const family = isIPv6(net) ? 'ipv6' : 'ipv4';
  list.addSubnet(net, Number(prefix), family);
  return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

function matches({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === 'In') return value !== undefined && values.includes(value);
      if (operator === 'NotIn') return value === undefined || !values.includes(value);
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      throw new Error(`${operator} is no operator of a selector`);
    })
  );
}

/** The policies with one of their parts gone, by what it is: each policy, each rule, each peer and each port. */
export function withoutOne(policies: readonly NetworkPolicy[]): Map<string, NetworkPolicy[]> {
  const all = new Map<string, NetworkPolicy[]>();
  const without = (what: string, change: (copy: NetworkPolicy[]) => void) => {
    const copy = structuredClone(policies) as NetworkPolicy[]; // deep, so it may change
    change(copy);
    all.set(what, copy);
  };
  policies.forEach(({ metadata, spec }, at) => {
    without(metadata.name, (copy) => copy.splice(at, 1));
    for (const way of ['ingress', 'egress'] as const) {
      spec[way]?.forEach((rule, number) => {
        const name = `${metadata.name} ${way} ${number}`;
        without(name, (copy) => copy[at]?.spec[way]?.splice(number, 1));
        const list = way === 'ingress' ? 'from' : 'to';
        for (const part of [list, 'ports'] as const) {
          const entries = rule[part] ?? [];
          // of the last one gone, none would mean all of them
          if (entries.length > 1)
            entries.forEach((_, entry) =>
              without(`${name} ${part} ${entry}`, (copy) => copy[at]?.spec[way]?.[number]?.[part]?.splice(entry, 1)),
            );
        }
      });
    }
  });
  return all;
}
