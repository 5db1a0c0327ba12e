import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DtaError } from '@dta/errors';
import { unpackPackages, wouldInstall } from '../debian-packages.js';
import { runFolderPrefix } from '../run-services.js';
import { spawnWithParent } from '../spawn-with-parent.js';
import { checkoutRoot, withLock } from '../toolbox.js';

const run = promisify(execFile);
const startLimitMs = 30_000;

/** Podman in namespaces of its own, which end with this process, and every container with them. */
export interface Podman {
  /** Runs `podman` with arguments; gives what it printed. @throws Error with what it said */
  podman(args: readonly string[], options?: CommandOptions): Promise<string>;
  /** Runs any program beside it. @throws Error with what it said */
  command(args: readonly string[], options?: CommandOptions): Promise<string>;
  /** A command line that runs a program there, for {@link spawnWithParent}. */
  inside(args: readonly string[]): readonly [string, ...string[]];
  /** Ends all containers and removes what they wrote; images of another store stay. */
  stop(): Promise<void>;
}

/** How one command is run. */
export interface CommandOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
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
podman --version >&2
echo ready
exec sleep infinity`;

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
export async function whyNoContainers(): Promise<string | null> {
  const tried = 'mount -t tmpfs none /run && ip link add dta0 type bridge && ip link add one type veth peer name two';
  try {
    await run('unshare', [...namespaces, 'sh', '-ec', tried], { timeout: startLimitMs });
    return null;
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    return `containers are not tested, since namespaces are refused here: ${said.split('\n')[0]}`;
  }
}

const namespaces = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'] as const;

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
  const args = [...namespaces, 'sh', '-ec', setUp, 'sh', packages];
  const holder = spawnWithParent('unshare', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const gone = new Promise<void>((resolve) => holder.once('close', () => resolve()).once('error', () => resolve()));
  let said = '';
  holder.stderr?.on('data', (text: Buffer) => (said = (said + text.toString()).slice(-2_000)));
  const stop = async () => {
    holder.kill('SIGKILL');
    await gone;
    await rm(own, { recursive: true, force: true });
  };
  const ready = new Promise<boolean>((resolve) => {
    holder.stdout?.once('data', () => resolve(true));
    void gone.then(() => resolve(false));
    setTimeout(() => resolve(false), startLimitMs).unref();
  });
  try {
    if (!(await ready)) throw new DtaError('start_failed', `containers can't be run here: ${said.trim()}`);
    const first = await firstProcess(Number(holder.pid));
    const inside = (command: readonly string[]) =>
      ['nsenter', '--target', first, '--mount', '--net', '--pid', '--', ...command] as const;
    const command = async (all: readonly string[], { timeoutMs = 120_000, signal }: CommandOptions = {}) => {
      const [program, ...rest] = inside(all);
      const limits = { env, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024, ...(signal && { signal }) };
      const { stdout } = await run(program, rest, limits).catch((cause: unknown) => {
        // of execFile: what it printed; else why it didn't run
        const { stdout: out = '', stderr: err = '' } = cause as { stdout?: string; stderr?: string };
        const words = `${out}\n${err}`.trim() || String(cause);
        throw new Error(`${all.slice(0, 2).join(' ')}: ${words.slice(-2_000)}`, { cause });
      });
      return stdout;
    };
    return { command, inside, podman: (all, how) => command(['podman', ...all], how), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The process that has the number 1 in the new namespace, by its number in ours: the only child of `unshare`. */
async function firstProcess(unshare: number): Promise<string> {
  const [first] = (await readFile(`/proc/${unshare}/task/${unshare}/children`, 'utf8')).trim().split(' ');
  if (first === undefined || first === '') throw new DtaError('start_failed', 'the namespaces have no process');
  return first;
}
