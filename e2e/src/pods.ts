import {
  buildStandIns,
  fetchTool,
  openPodman,
  restApi,
  startRealKubernetes,
  type RealKubernetes,
  type RestApi,
  type ToolName,
} from '@dta/testkit';
import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './pages.js';

const run = promisify(execFile);
const END = '--- end of a block ---';
/** What a page's commands may take on a busy machine, all of them. */
const patienceMs = 840_000;

/** A Kubernetes with real pods that has the images and the volumes of the chart's examples, and a person's folder. */
export interface ChartCluster extends RealKubernetes {
  /** Where commands are run: it has `k8s` of the checkout. */
  readonly folder: string;
  /** Runs blocks of a page there, in one shell, as a person would; gives what each printed. @throws Error with what failed */
  follow(texts: readonly string[]): Promise<string[]>;
  /** The gateway of the release that is called as its namespace, through its Service, with the token of Secret `dta-token`. */
  gateway(operator: string): Promise<RestApi>;
}

/** What is made beside our own images. */
export interface ChartClusterOptions {
  /** Images of others that pods ask for, which programs of this checkout stand in for. */
  readonly standIns?: readonly string[];
  /** Volumes of one node's disk that claims may bind: what a storage class would make. 5 by default. */
  readonly volumes?: number;
  /** Programs that a page's commands call, beside kubectl and Helm. */
  readonly tools?: readonly ToolName[];
}

/**
 * Builds the images as `npm run images -- --debian` does, starts a Kubernetes whose pods are real, and gives it those images.
 *
 * @throws DtaError `start_failed` with the last words of what did not start
 */
export async function startChartCluster({
  standIns = ['nats:2.12-alpine', 'postgres:18-alpine'],
  volumes = 5,
  tools = [],
}: ChartClusterOptions = {}): Promise<ChartCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'dta-chart-'));
  await chmod(folder, 0o755); // pods have users of their own
  let cluster: RealKubernetes | undefined;
  const stop = async () => {
    await cluster?.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const archives = await makeImages(join(folder, 'images'), standIns);
    cluster = await startRealKubernetes();
    for (const [name, archive] of archives) await cluster.importImage(archive, [`docker.io/library/${name}`]);
    await cluster.apply(...(await makeVolumes(folder, volumes)));
    await cp(join(ROOT, 'k8s'), join(folder, 'k8s'), { recursive: true });
    const programs = await Promise.all(tools.map(async (name) => dirname(await fetchTool(name))));
    const { shell } = cluster;
    const follow = async (texts: readonly string[]) => {
      const start = [`cd '${folder}'`, ...programs.map((path) => `PATH='${path}':$PATH`)];
      const script = [...start, ...texts.flatMap((text) => [text, `echo '${END}'`])].join('\n');
      return (await shell(script, { timeoutMs: patienceMs })).split(`${END}\n`);
    };
    return { ...cluster, folder, follow, gateway: gatewaysOf(cluster), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function gatewaysOf({ get, kubectl, open }: RealKubernetes): ChartCluster['gateway'] {
  return async (operator) => {
    // as the API has it
    const { spec } = (await get('service', `${operator}-gateway`, '--namespace', operator)) as {
      spec: { clusterIP: string; ports: { port: number }[] };
    };
    const { url } = await open(spec.clusterIP, spec.ports[0]?.port ?? 0);
    const template = 'go-template={{.data.token | base64decode}}';
    const token = await kubectl(['get', 'secret', 'dta-token', '--namespace', operator, '--output', template]);
    return restApi(url, token);
  };
}

/** Archives by the name that a pod has for each image. */
async function makeImages(folder: string, standIns: readonly string[]): Promise<Map<string, string>> {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string }; // our own
  await run(process.execPath, [join(ROOT, 'tools/images/build.mjs'), '--debian', '--save', folder], { cwd: ROOT });
  const own = ['dta', 'dta-cli'].map((name) => [`${name}:${version}`, join(folder, `${name}.tar`)] as const);
  const archives = new Map<string, string>(own);
  const podman = await openPodman({ images: join(ROOT, '.cache/images/store') });
  try {
    await buildStandIns(podman, standIns);
    for (const [at, name] of standIns.entries()) {
      const archive = join(folder, `stand-in-${at}.tar`);
      await podman.podman(['save', '--quiet', '--output', archive, `localhost/${name}`], { timeoutMs: 300_000 });
      archives.set(name, archive);
    }
  } finally {
    await podman.stop();
  }
  return archives;
}

function makeVolumes(folder: string, count: number): Promise<object[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const path = join(folder, `volume-${at}`);
      await mkdir(path);
      const onlyNode = { key: 'kubernetes.io/hostname', operator: 'In', values: ['node-1'] };
      return {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: `volume-${at}` },
        spec: {
          capacity: { storage: '1Gi' },
          accessModes: ['ReadWriteOnce', 'ReadWriteMany'],
          local: { path },
          nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [onlyNode] }] } },
        },
      };
    }),
  );
}
