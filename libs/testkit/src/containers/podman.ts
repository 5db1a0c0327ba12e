import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DtaError } from '@dta/errors';
import { unpackPackages, wouldInstall } from '../debian-packages.js';
import { runFolderPrefix } from '../run-services.js';
import { checkoutRoot, withLock } from '../toolbox.js';
import { openNamespaces, whyNoNamespaces, type CommandOptions, type Namespaces } from './namespaces.js';

/** Podman in namespaces of its own, which end with this process, and every container with them. */
export interface Podman extends Namespaces {
  /** Runs `podman` with arguments; gives what it printed. @throws Error with what it said */
  podman(args: readonly string[], options?: CommandOptions): Promise<string>;
  /** Ends all containers and removes what they wrote; images of another store stay. */
  stop(): Promise<void>;
}

/** Where {@link openPodman} keeps images. */
export interface PodmanOptions {
  /** Folder of images, containers and volumes; one of its own, removed at the end, by default. */
  readonly store?: string;
  /** A store whose images are read too. */
  readonly images?: string;
}

/** Address of the bridge that {@link openPodman} makes, and the network that containers may have theirs from. */
export const bridge = { name: 'dta0', address: '10.89.0.1', prefix: 24 } as const;

/** In the new namespaces: the packages over the system's folders, no cgroups (crun refuses a mixed tree), a network of its own. */
const setUp = `
mount -t overlay dta-usr -o "lowerdir=$1/usr:/usr" /usr
mount -t overlay dta-etc -o "lowerdir=$1/etc:/etc" /etc
mount -t tmpfs -o mode=755 dta-run /run
mount -t tmpfs -o ro,size=4k dta-cgroup /sys/fs/cgroup
ip link set lo up
ip link add ${bridge.name} type bridge
ip address add ${bridge.address}/${bridge.prefix} dev ${bridge.name}
ip link set ${bridge.name} up
podman --version >&2`;

/**
 * Podman out of the packages of this machine's Debian or Ubuntu, unpacked into `.cache/tools/podman/` of the checkout:
 * nothing is installed.
 *
 * @throws DtaError `start_failed` with one sentence that says what it takes
 */
export async function fetchPodman(): Promise<string> {
  const folder = join(checkoutRoot(), '.cache', 'tools', 'podman');
  await withLock(`${folder}.lock`, async () => {
    if (existsSync(folder)) return;
    const unfinished = `${folder}.${process.pid}`;
    try {
      await unpackPackages(unfinished, (aptGet) => wouldInstall(aptGet, ['podman', 'crun', 'conmon', 'iproute2']));
      await mkdir(join(unfinished, 'etc'), { recursive: true });
      await rename(unfinished, folder);
    } catch (cause) {
      const wanted = 'it takes Debian or Ubuntu, and apt-get with access to its archive';
      throw new DtaError('start_failed', `Podman could not be fetched: ${wanted}`, { cause });
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  });
  return folder;
}

/** Why this user can't run containers on this machine, in one sentence; null where it can. */
export const whyNoContainers = (): Promise<string | null> => whyNoNamespaces('containers');

/**
 * Opens namespaces for containers. They have no cgroups, so no limits; their network is a bridge that reaches no further.
 *
 * @throws DtaError `start_failed` with what was refused
 */
export async function openPodman(options: PodmanOptions = {}): Promise<Podman> {
  const packages = await fetchPodman();
  // by this name the next run removes it where this process is killed
  const own = await mkdtemp(join(tmpdir(), `${runFolderPrefix}${process.pid}-podman-`));
  const store = options.store ?? join(own, 'store');
  await mkdir(store, { recursive: true });
  const also = options.images === undefined ? '' : `additionalimagestores = ["${options.images}"]\n`;
  const files = {
    'storage.conf': `[storage]\ndriver = "overlay"\nrunroot = "/run/containers/storage"\ngraphroot = "${store}"\n[storage.options]\n${also}`,
    'containers.conf':
      '[containers]\ncgroups = "disabled"\nlog_driver = "k8s-file"\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n' +
      '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\nruntime = "crun"\n',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(own, name), text);
  const env = {
    ...process.env,
    CONTAINERS_STORAGE_CONF: join(own, 'storage.conf'),
    CONTAINERS_CONF: join(own, 'containers.conf'),
    DISABLE_HC_SYSTEMD: 'true', // nothing keeps time for health checks here: the caller asks
  };
  try {
    const opened = await openNamespaces({ setUp, args: [packages], env });
    const stop = async () => {
      await opened.stop();
      await rm(own, { recursive: true, force: true });
    };
    return { ...opened, podman: (all, how) => opened.command(['podman', ...all], how), stop };
  } catch (error) {
    await rm(own, { recursive: true, force: true });
    throw error;
  }
}
