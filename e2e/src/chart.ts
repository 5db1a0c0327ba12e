import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cidOf } from '@dta/codec';
import { fetchKubernetesClients } from '@dta/testkit';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { ROOT } from './pages.js';

/** The Helm chart. */
export const CHART = join(ROOT, 'k8s/dta');
/** The examples' values, by their name. */
export const EXAMPLES = {
  standalone: 'k8s/examples/standalone/values.yaml',
  fiduciary: 'k8s/examples/fiduciary/values.yaml',
  alpha: 'k8s/examples/three-operators/alpha.yaml',
  beta: 'k8s/examples/three-operators/beta.yaml',
  gamma: 'k8s/examples/three-operators/gamma.yaml',
} as const;

const run = promisify(execFile);

/** Values of the chart, as YAML has them. */
export type Values = Readonly<Record<string, unknown>>;

/** An object of Kubernetes, as far as the tests look at all of them. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: unknown;
  /** Of a ConfigMap. */
  readonly data?: Readonly<Record<string, string>>;
  /** Of a ConfigMap, base64. */
  readonly binaryData?: Readonly<Record<string, string>>;
}

/** A container, as far as the tests look at it. */
export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly resources?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly lifecycle?: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: number };
}

interface KeyItem {
  readonly key: string;
  readonly path: string;
}

interface VolumeSource {
  readonly secret?: { readonly name?: string; readonly secretName?: string; readonly items?: readonly KeyItem[] };
  readonly configMap?: { readonly name: string; readonly items?: readonly KeyItem[] };
}

/** A volume, as far as the tests look at it. */
export interface Volume extends VolumeSource {
  readonly name: string;
  readonly projected?: { readonly sources: readonly VolumeSource[] };
  readonly persistentVolumeClaim?: { readonly claimName: string };
  readonly emptyDir?: object;
}

/** What a Deployment, a Job or a Pod has of a pod. */
export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly Volume[];
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly automountServiceAccountToken?: boolean;
  readonly serviceAccountName: string;
  readonly terminationGracePeriodSeconds?: number;
  readonly restartPolicy?: string;
}

/** A pod that some object makes. */
export interface Pod {
  /** That object. */
  readonly owner: KubernetesObject;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
}

/** Runs Helm. @throws Error with what it said, as `stderr` */
export async function helm(args: readonly string[]): Promise<string> {
  const { helm: program } = await fetchKubernetesClients();
  return (await run(program, args, { maxBuffer: 64 * 1024 * 1024 })).stdout;
}

/**
 * What the chart makes of values, laid over one another, as release `release` in namespace `release`.
 *
 * @param layers values, or files of them by their path in the checkout
 * @throws Error with what Helm said
 */
export async function renderText(release: string, ...layers: readonly (Values | string)[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dta-chart-'));
  try {
    const files = await Promise.all(
      layers.map(async (layer, at) => {
        if (typeof layer === 'string') return join(ROOT, layer);
        const file = join(folder, `${at}.yaml`);
        await writeFile(file, stringify(layer));
        return file;
      }),
    );
    const values = files.flatMap((file) => ['--values', file]);
    return await helm(['template', release, CHART, '--namespace', release, ...values]);
  } catch (error) {
    // execFile's error has what the program said
    throw new Error(String((error as { stderr?: unknown }).stderr ?? error).trim(), { cause: error });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The objects of {@link renderText}. */
export async function render(release: string, ...layers: readonly (Values | string)[]): Promise<KubernetesObject[]> {
  return objectsOf(await renderText(release, ...layers));
}

/** The objects of a file of YAML. */
export function objectsOf(text: string): KubernetesObject[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as KubernetesObject | null) // as Kubernetes reads it; kubeconform checks its form
    .filter((object) => object !== null);
}

/** Every pod that the objects make. */
export function podsOf(objects: readonly KubernetesObject[]): Pod[] {
  return objects.flatMap((owner) => {
    if (owner.kind === 'Pod') {
      const { labels = {}, annotations = {} } = owner.metadata;
      return [{ owner, labels, annotations, spec: owner.spec as PodSpec }]; // of a Pod
    }
    if (owner.kind !== 'Deployment' && owner.kind !== 'Job') return [];
    const { template } = owner.spec as { template: { metadata: KubernetesObject['metadata']; spec: PodSpec } }; // of these two
    const { labels = {}, annotations = {} } = template.metadata;
    return [{ owner, labels, annotations, spec: template.spec }];
  });
}

/** Secrets that a pod has files of: `name/key`, by the path of the file in the volume `secrets`; elsewhere by volume. */
export function secretsOf({ volumes = [] }: PodSpec): Map<string, string> {
  const found = new Map<string, string>();
  for (const volume of volumes) {
    for (const { secret } of [volume, ...(volume.projected?.sources ?? [])]) {
      if (secret === undefined) continue;
      const name = secret.name ?? secret.secretName ?? '';
      if (secret.items === undefined) found.set(`${volume.name}/`, `${name}/`);
      for (const { key, path } of secret.items ?? []) found.set(`${volume.name}/${path}`, `${name}/${key}`);
    }
  }
  return found;
}

/** Stands for the idDocumentCID of a name: another for each. */
export function nodeOf(name: string): string {
  return cidOf(new TextEncoder().encode(name));
}

/** Values by which the identities of these names are made already. */
export function made(...names: readonly string[]): { identities: Values } {
  const documents = (name: string) => [Buffer.from(`document of ${name}`).toString('base64')];
  return {
    identities: Object.fromEntries(names.map((name) => [name, { node: nodeOf(name), documents: documents(name) }])),
  };
}

/** The identities that an example's operators have, all of them made. */
export function allMade(example: keyof typeof EXAMPLES): { identities: Values } {
  if (example === 'standalone') {
    return made(
      ...['principal', 'beneficiary', 'fiduciary-1', 'fiduciary-2', 'fiduciary-3'].map((at) => `trial-${at}`),
    );
  }
  if (example === 'fiduciary') return made('beta-fiduciary', 'alpha-principal');
  return made('alpha-principal', 'beta-beneficiary', 'alpha-fiduciary', 'beta-fiduciary', 'gamma-fiduciary');
}

/** The chart's own values. */
export async function defaultValues(): Promise<Values> {
  return parse(await readFile(join(CHART, 'values.yaml'), 'utf8')) as Values; // Helm reads it as the same
}
