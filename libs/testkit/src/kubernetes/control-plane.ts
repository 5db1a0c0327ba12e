import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { freePort } from '../free-port.js';
import { runCommand, type CommandOptions } from '../containers/namespaces.js';
import { runFolderPrefix } from '../run-services.js';
import { makeAuthority, makeSigningKey, type Authority, type Certificate } from './certificates.js';
import { fetchKubernetesClients } from './clients.js';
import { startComponent, untilReady, type Component, type Place } from './components.js';
import { fetchKubernetes } from './programs.js';

/** Addresses of services; the first is the API's own. */
export const serviceNetwork = { range: '10.96.0.0/16', api: '10.96.0.1' } as const;
const thisMachine: Place = { inside: ([program = '', ...args]) => [program, ...args] };

/** How {@link startControlPlane} starts one. */
export interface ControlPlaneOptions {
  /** This machine by default. */
  readonly place?: Place;
  /** Where the API listens: 127.0.0.1 by default. Pods reach it by another. */
  readonly address?: string;
}

/** etcd, the API server, controllers and the scheduler: a Kubernetes without a node. */
export interface ControlPlane {
  /** What it writes; removed at its end. */
  readonly folder: string;
  readonly place: Place;
  readonly authority: Authority;
  /** Runs kubectl as the cluster's administrator; gives what it printed. @throws Error with what it said */
  kubectl(args: readonly string[], options?: CommandOptions): Promise<string>;
  /** Runs Helm as the cluster's administrator; gives what it printed. @throws Error with what it said */
  helm(args: readonly string[], options?: CommandOptions): Promise<string>;
  /** Runs lines of a shell, with kubectl and Helm as the administrator's; gives what they printed. @throws Error with what failed */
  shell(lines: string, options?: CommandOptions): Promise<string>;
  /** Starts a program of the cluster beside it, which ends with it. */
  start(name: string, args: readonly string[]): Promise<Component>;
  /** Writes a file by which a user reaches the API; gives its path. */
  kubeconfig(user: string, certificate: Certificate): Promise<string>;
  /** Ends it, and what {@link start} started, and removes what they wrote. */
  stop(): Promise<void>;
}

/**
 * Starts a control plane; settles when it is ready and pods may be made in the namespace `default`. It ends with this
 * process, on Linux even where that is killed.
 *
 * @throws DtaError `start_failed` with the last words of what did not start
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(options);
    } catch (error) {
      // another process may have taken a free port
      if (attempt === 3 || !/address already in use/.test(String(error))) throw error;
    }
  }
}

async function startOnce({ place = thisMachine, address = '127.0.0.1' }: ControlPlaneOptions): Promise<ControlPlane> {
  const { kubernetes } = await fetchKubernetes();
  const clients = await fetchKubernetesClients();
  // by this name the next run removes it where this process is killed
  const folder = await mkdtemp(join(tmpdir(), `${runFolderPrefix}${process.pid}-kubernetes-`));
  const running: Component[] = [];
  const stop = async () => {
    await Promise.all(running.map((component) => component.kill()));
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const start = async (name: string, args: readonly string[]) => {
    const component = await startComponent(place, name, args, { folder: join(folder, 'log') });
    running.push(component);
    return component;
  };
  try {
    const keys = join(folder, 'keys');
    await mkdir(keys);
    const authority = await makeAuthority(keys);
    const tokens = await makeSigningKey(keys);
    const port = await freePort();
    const url = `https://${address}:${port}`;
    const kubeconfig = (user: string, certificate: Certificate) =>
      writeKubeconfig(join(folder, `${user}.kubeconfig`), { url, authority: authority.certificate, certificate });
    const issue = async (user: string, group?: string) => {
      const subject = { name: user, ...(group !== undefined && { group }) };
      const certificate = await authority.issue(user.replaceAll(':', '-'), subject);
      return { certificate, file: await kubeconfig(user.replaceAll(':', '-'), certificate) };
    };
    const admin = await issue('admin', 'system:masters');
    const home = { HOME: folder, KUBECONFIG: admin.file, PATH: process.env['PATH'] ?? '' };
    const as = (program: string) => (args: readonly string[], how?: CommandOptions) =>
      runCommand(place.inside([program, ...args]), { ...how, env: home });
    const kubectl = as(clients.kubectl);
    const programs = [dirname(clients.kubectl), dirname(clients.helm), home.PATH].join(':');
    const shell = (lines: string, how?: CommandOptions) =>
      runCommand(place.inside(['sh', '-ec', lines]), { ...how, env: { ...home, PATH: programs } });

    const etcd = await startEtcd(start, kubernetes, folder);
    const hosts = ['DNS:kubernetes.default.svc', 'IP:127.0.0.1', `IP:${serviceNetwork.api}`, `IP:${address}`];
    const server = await authority.issue('server', { name: 'kube-apiserver', hosts: [...new Set(hosts)] });
    const flags = (given: Readonly<Record<string, string>>) =>
      Object.entries(given).map(([name, value]) => `--${name}=${value}`);
    const isOpen = address !== '127.0.0.1';
    await start('kube-apiserver', [
      ...[kubernetes, 'kube-apiserver'],
      ...flags({
        'etcd-servers': etcd,
        'bind-address': address,
        'secure-port': String(port),
        // without nodes there is no address that pods could reach it by
        ...(isOpen ? { 'advertise-address': address } : { 'endpoint-reconciler-type': 'none' }),
        'client-ca-file': authority.certificate,
        'tls-cert-file': server.certificate,
        'tls-private-key-file': server.key,
        'service-account-key-file': tokens.publicKey,
        'service-account-signing-key-file': tokens.key,
        'service-account-issuer': 'https://kubernetes.default.svc',
        'service-cluster-ip-range': serviceNetwork.range,
        'authorization-mode': 'Node,RBAC',
        'enable-admission-plugins': 'NodeRestriction',
        'kubelet-client-certificate': admin.certificate.certificate,
        'kubelet-client-key': admin.certificate.key,
        'kubelet-certificate-authority': authority.certificate,
        'kubelet-preferred-address-types': 'InternalIP',
      }),
    ]);
    await untilReady('the API server', running, () => kubectl(['get', '--raw', '/readyz']).then(() => true));

    const client = async (user: string) => {
      const { file } = await issue(user);
      const names = ['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'];
      const reach = Object.fromEntries(names.map((name) => [name, file]));
      return flags({ ...reach, 'secure-port': '0', 'leader-elect': 'false' });
    };
    await start('kube-controller-manager', [
      ...[kubernetes, 'kube-controller-manager', ...(await client('system:kube-controller-manager'))],
      ...flags({
        'service-account-private-key-file': tokens.key,
        'root-ca-file': authority.certificate,
        'use-service-account-credentials': 'true',
      }),
    ]);
    await start('kube-scheduler', [kubernetes, 'kube-scheduler', ...(await client('system:kube-scheduler'))]);
    const account = ['get', 'serviceaccount', 'default', '--namespace', 'default'];
    await untilReady('the controllers', running, () => kubectl(account).then(() => true));
    return { folder, place, authority, kubectl, helm: as(clients.helm), shell, start, kubeconfig, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startEtcd(start: ControlPlane['start'], kubernetes: string, folder: string): Promise<string> {
  const [clients, peers] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
  const settings = {
    'data-dir': join(folder, 'etcd'),
    'listen-client-urls': clients,
    'advertise-client-urls': clients,
    'listen-peer-urls': peers,
    'initial-advertise-peer-urls': peers,
    'initial-cluster': `default=${peers}`,
    'log-level': 'warn',
  };
  const flags = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
  await start('etcd', [kubernetes, 'etcd', '--unsafe-no-fsync', ...flags]); // what it holds ends with the test
  return clients;
}

/** As `kubectl config view` shows one. */
async function writeKubeconfig(
  file: string,
  of: { readonly url: string; readonly authority: string; readonly certificate: Certificate },
): Promise<string> {
  const { certificate, key } = of.certificate;
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server: of.url, 'certificate-authority': of.authority } }],
    users: [{ name: 'user', user: { 'client-certificate': certificate, 'client-key': key } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'user' } }],
    'current-context': 'test',
  };
  await writeFile(file, JSON.stringify(config), { mode: 0o600 }); // YAML that is JSON too
  return file;
}
