import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openNamespaces, type Namespaces } from '../containers/namespaces.js';
import { untilReady } from './components.js';
import type { ControlPlane } from './control-plane.js';
import { writePauseImage } from './pause-image.js';
import { fetchContainerd, fetchKubernetes } from './programs.js';

/** The node, and addresses of its pods. Nothing of it is seen from outside its namespaces. */
export const realNode = { name: 'node-1', address: '10.250.0.1', pods: '10.244.0.0/16' } as const;
const PAUSE = 'localhost/pause:1';

/** A node whose pods are real. */
export interface RealNode {
  /** Takes images out of an archive of `podman save` or `docker save`, under each of `names` too. */
  importImage(archive: string, names?: readonly string[]): Promise<void>;
}

/** What kubelet would set on the whole machine stands in files of its own namespace. */
const KERNEL_SETTINGS: Readonly<Record<string, number>> = {
  'vm/overcommit_memory': 1,
  'vm/panic_on_oom': 0,
  'kernel/panic': 10,
  'kernel/panic_on_oops': 1,
  'kernel/keys/root_maxkeys': 1_000_000,
  'kernel/keys/root_maxbytes': 25_000_000,
};

/** In the new namespaces: the packages over the system's folders, and a network that reaches no further. */
const setUp = `
mount -t overlay dta-usr -o "lowerdir=$1/usr:/usr" /usr
mount -t overlay dta-etc -o "lowerdir=$1/etc:/etc" /etc
mount -t tmpfs -o mode=755 dta-run /run
mkdir /run/kernel
${Object.entries(KERNEL_SETTINGS)
  .map(([name, value], at) => `echo ${value} > /run/kernel/${at}; mount --bind /run/kernel/${at} /proc/sys/${name}`)
  .join('\n')}
ip link set lo up
ip link add node0 type bridge
ip address add ${realNode.address}/24 dev node0
ip link set node0 up
ip route add default dev node0
containerd --version >&2`;

/**
 * Opens the namespaces of a cluster that has a real node: its control plane runs there too.
 *
 * @throws DtaError `start_failed` with what was refused
 */
export async function openNodeNamespaces(): Promise<Namespaces> {
  return openNamespaces({ setUp, args: [await fetchContainerd()] });
}

/**
 * Adds the machine itself as a node: kubelet, containerd, crun, a network address for each pod, services by kube-proxy and
 * their names by a DNS. There are no cgroups, so no limits of memory and CPU; a NetworkPolicy is kept, and not enforced.
 *
 * @param plane runs in what {@link openNodeNamespaces} opened, at {@link realNode}'s address
 * @throws DtaError `start_failed` with the last words of what did not start
 */
export async function startRealNode(plane: ControlPlane, namespaces: Namespaces): Promise<RealNode> {
  const { kubernetes, pause } = await fetchKubernetes();
  const folder = join(plane.folder, 'node');
  await mkdir(join(folder, 'networks'), { recursive: true });
  const socket = join(folder, 'containerd.sock');
  const ctr = (args: readonly string[]) =>
    namespaces.command(['ctr', '--address', socket, '--namespace', 'k8s.io', ...args], { timeoutMs: 300_000 });

  await writeFile(join(folder, 'crun'), crun, { mode: 0o755 });
  await writeFile(join(folder, 'networks', 'pods.conflist'), JSON.stringify(network(folder)));
  await writeFile(join(folder, 'containerd.toml'), containerdConfig(folder, socket));
  const containerd = await plane.start('containerd', ['containerd', '--config', join(folder, 'containerd.toml')]);
  await untilReady('containerd', [containerd], () => ctr(['version']).then(() => true));
  const importImage = async (archive: string, names: readonly string[] = []) => {
    const said = await ctr(['images', 'import', archive]);
    const [, first = ''] = /^unpacking (\S+)/m.exec(said) ?? [];
    for (const name of names) await ctr(['images', 'tag', '--force', first, name]);
  };
  await importImage(await writePauseImage(join(folder, 'pause'), PAUSE, pause));

  const { name, address, pods } = realNode;
  const issue = async (file: string, user: string, group?: string) => {
    const hosts = [`DNS:${name}`, `IP:${address}`];
    const certificate = await plane.authority.issue(file, { name: user, hosts, ...(group !== undefined && { group }) });
    return { ...certificate, kubeconfig: await plane.kubeconfig(file, certificate) };
  };
  const own = await issue('node', `system:node:${name}`, 'system:nodes');
  await writeFile(
    join(folder, 'kubelet.yaml'),
    JSON.stringify(kubeletConfig(folder, { socket, ...own, authority: plane.authority.certificate })),
  );
  const kubelet = await plane.start('kubelet', [
    ...[kubernetes, 'kubelet', `--kubeconfig=${own.kubeconfig}`, `--config=${join(folder, 'kubelet.yaml')}`],
    ...[`--root-dir=${join(folder, 'kubelet')}`, `--hostname-override=${name}`, `--node-ip=${address}`],
  ]);
  const proxyUser = await issue('proxy', 'system:kube-proxy');
  const proxy = await plane.start('kube-proxy', [
    ...[kubernetes, 'kube-proxy', `--kubeconfig=${proxyUser.kubeconfig}`, `--hostname-override=${name}`],
    ...['--proxy-mode=nftables', `--cluster-cidr=${pods}`, `--bind-address=${address}`],
    // which are of the whole machine
    ...['--conntrack-max-per-core=0', '--conntrack-tcp-timeout-established=0s'],
    '--conntrack-tcp-timeout-close-wait=0s',
  ]);
  const dnsUser = await issue('dns', 'dns', 'system:masters');
  const dns = await plane.start('dns', [
    ...[kubernetes, 'dns', `--kubeconfig=${dnsUser.kubeconfig}`, `--address=${address}:53`],
  ]);
  const ready = ['wait', '--for=condition=Ready', 'node', name, '--timeout=1s'];
  await untilReady('the node', [containerd, kubelet, proxy, dns], () => plane.kubectl(ready).then(() => true));
  return { importImage };
}

/** crun 1.8 refuses a mixed tree of cgroups even where it is to make none: it runs where it sees none. kubelet has to see them. */
const crun = `#!/bin/sh
exec unshare --mount --propagation slave sh -c '
  mount -t tmpfs -o ro,size=4k none /sys/fs/cgroup && exec /usr/bin/crun --cgroup-manager=disabled "$@"' crun "$@"
`;

/** Each pod has a cable to the node and no other, so that what it sends to a service passes the node both ways. */
function network(folder: string): object {
  const ipam = {
    type: 'host-local',
    dataDir: join(folder, 'addresses'),
    ranges: [[{ subnet: realNode.pods }]],
    routes: [{ dst: '0.0.0.0/0' }],
  };
  return { cniVersion: '1.0.0', name: 'pods', plugins: [{ type: 'ptp', ipam }] };
}

function containerdConfig(folder: string, socket: string): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `
version = 2
root = "${join(folder, 'containerd')}"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
  address = "${socket}"
[${cri}]
  disable_cgroup = true
  disable_apparmor = true
  restrict_oom_score_adj = true
  sandbox_image = "${PAUSE}"
  stream_server_address = "127.0.0.1"
  [${cri}.containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "crun"
    [${cri}.containerd.runtimes.crun]
      runtime_type = "io.containerd.runc.v2"
      [${cri}.containerd.runtimes.crun.options]
        BinaryName = "${join(folder, 'crun')}"
  [${cri}.cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${join(folder, 'networks')}"
`;
}

/** @returns a KubeletConfiguration of kubelet.config.k8s.io/v1beta1 */
function kubeletConfig(
  folder: string,
  of: { readonly socket: string; readonly certificate: string; readonly key: string; readonly authority: string },
): object {
  const never = ['memory.available', 'nodefs.available', 'imagefs.available', 'nodefs.inodesFree'];
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: realNode.address,
    healthzPort: 0,
    authentication: { x509: { clientCAFile: of.authority } },
    tlsCertFile: of.certificate,
    tlsPrivateKeyFile: of.key,
    containerRuntimeEndpoint: `unix://${of.socket}`,
    podLogsDir: join(folder, 'pod-logs'),
    clusterDNS: [realNode.address],
    clusterDomain: 'cluster.local',
    resolvConf: '',
    // no cgroups
    cgroupsPerQOS: false,
    enforceNodeAllocatable: [],
    failCgroupV1: false,
    failSwapOn: false,
    localStorageCapacityIsolation: false,
    evictionHard: Object.fromEntries(never.map((signal) => [signal, '0%'])), // a full disk isn't the test's matter
    oomScoreAdj: 0,
    // a test waits for what these look for
    syncFrequency: '5s',
    volumeStatsAggPeriod: '1h',
  };
}
