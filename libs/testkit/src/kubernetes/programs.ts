import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, link, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { DtaError } from '@dta/errors';
import { unpackPackages, wouldInstall } from '../debian-packages.js';
import { buildSources, type GoOptions } from '../go-build.js';
import { checkoutRoot, withLock, type FetchOptions } from '../toolbox.js';

/** Of Kubernetes, as `tools/kubernetes/go.mod` names it. */
const VERSION = 'v1.37.2';
const sources = () => join(checkoutRoot(), 'tools', 'kubernetes');
const [, MAJOR, MINOR] = /^v(\d+)\.(\d+)\./.exec(VERSION) ?? [];
const versionPackage = 'k8s.io/component-base/version';
/** No more is compiled at once, whatever the machine has: one compiler of these packages takes up to a gigabyte. */
const AT_ONCE = 2;

/** The programs of `tools/kubernetes`, by path. */
export interface KubernetesPrograms {
  /** etcd, the control plane, kubelet, kube-proxy, kwok and a DNS, each by its name as first argument. */
  readonly kubernetes: string;
  /** What holds a pod's namespaces: static, for an image of its own. */
  readonly pause: string;
}

/**
 * Kubernetes as one program, built by Go once for each version of `tools/kubernetes`: 17 minutes of processor time on an
 * empty cache of Go's, at low priority. It is kept in this user's cache folder, which outlives the checkout, and in
 * `.cache/tools/` of the checkout.
 *
 * @throws DtaError `start_failed` with why it could not be built
 */
export async function fetchKubernetes({ progress, signal }: FetchOptions = {}): Promise<KubernetesPrograms> {
  const hash = createHash('sha256');
  for (const name of (await readdir(sources())).sort()) {
    if (/\.(go|mod|sum)$/.test(name)) hash.update(await readFile(join(sources(), name)));
  }
  const name = `kubernetes-${VERSION}-${hash.digest('hex').slice(0, 12)}`;
  const here = join(checkoutRoot(), '.cache', 'tools', name);
  const kept = join(userCache(), 'dta', 'tools', name);
  const found = programsIn(here);
  if (found !== undefined) return found;

  let compiled = 0;
  const onLine = (line: string) => {
    if (/^[\w.-]+(\/[\w.~-]+)*$/.test(line)) compiled += 1; // a package, by its path
  };
  const get = async () => {
    if (programsIn(kept) === undefined) {
      progress?.say(`building Kubernetes ${VERSION} with Go, once: a quarter of an hour or more`);
      const begun = performance.now();
      await build(kept, { onLine, signal });
      const seconds = Math.round((performance.now() - begun) / 1000);
      const { size } = await stat(join(kept, 'kubernetes'));
      progress?.say(`built Kubernetes in ${seconds} s: ${Math.round(size / 1e6)} MB, kept in ${kept}`);
    }
    if (programsIn(here) === undefined) await take(kept, here);
  };
  const locked = () => withLock(`${kept}.lock`, get, signal);
  const soFar = () => `${compiled} packages compiled`;
  await (progress === undefined ? locked() : progress.during('building Kubernetes', locked, soFar));
  return (
    programsIn(here) ?? Promise.reject(new DtaError('start_failed', `Kubernetes was built, but is not in ${here}`))
  );
}

function programsIn(folder: string): KubernetesPrograms | undefined {
  const programs = { kubernetes: join(folder, 'kubernetes'), pause: join(folder, 'pause') };
  return Object.values(programs).every((program) => existsSync(program)) ? programs : undefined;
}

function userCache(): string {
  const named = process.env['XDG_CACHE_HOME'] ?? '';
  return named === '' ? join(homedir(), '.cache') : named;
}

async function build(folder: string, options: Pick<GoOptions, 'signal' | 'onLine'>): Promise<void> {
  const unfinished = `${folder}.${process.pid}`;
  const version = { gitVersion: VERSION, gitMajor: MAJOR, gitMinor: MINOR };
  const set = Object.entries(version).map(([name, value]) => `-X ${versionPackage}.${name}=${value}`);
  // nothing here is ever read by a debugger
  const flags = ['-p', String(AT_ONCE), '-gcflags=all=-dwarf=false', '-ldflags', ['-s', '-w', ...set].join(' ')];
  const how = { ...options, flags, isPatient: true };
  const isStatic = { environment: { ...process.env, CGO_ENABLED: '0' } };
  try {
    await mkdir(unfinished, { recursive: true });
    await buildSources(sources(), './pause', join(unfinished, 'pause'), { ...how, ...isStatic });
    await buildSources(sources(), '.', join(unfinished, 'kubernetes'), how);
    await rm(folder, { recursive: true, force: true });
    await rename(unfinished, folder);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Puts the programs of one folder into another, whole or not at all; on one file system they take their room once. */
async function take(from: string, to: string): Promise<void> {
  const unfinished = `${to}.${process.pid}`;
  try {
    await mkdir(unfinished, { recursive: true });
    for (const name of await readdir(from)) {
      const [source, target] = [join(from, name), join(unfinished, name)];
      await link(source, target).catch(() => copyFile(source, target));
    }
    await rename(unfinished, to);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** What a node runs beside kubelet. */
const ofNode = ['containerd', 'crun', 'containernetworking-plugins', 'nftables', 'iproute2'];

/**
 * containerd, crun, the plugins of a node's network, nft and ip, out of the packages of this machine's Debian or Ubuntu,
 * unpacked into `.cache/tools/containerd/` of the checkout: nothing is installed.
 *
 * @returns the folder
 * @throws DtaError `start_failed` with one sentence that says what it takes
 */
export async function fetchContainerd(): Promise<string> {
  const folder = join(checkoutRoot(), '.cache', 'tools', 'containerd');
  await withLock(`${folder}.lock`, async () => {
    if (existsSync(folder)) return;
    const unfinished = `${folder}.${process.pid}`;
    try {
      await unpackPackages(unfinished, (aptGet) => wouldInstall(aptGet, ofNode));
      await mkdir(join(unfinished, 'etc'), { recursive: true });
      await rename(unfinished, folder);
    } catch (cause) {
      const wanted = 'it takes Debian or Ubuntu, and apt-get with access to its archive';
      throw new DtaError('start_failed', `containerd could not be fetched: ${wanted}`, { cause });
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  });
  return folder;
}
