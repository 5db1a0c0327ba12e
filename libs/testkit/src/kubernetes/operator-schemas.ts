import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DtaError } from '@dta/errors';
import { parse } from 'yaml';
import { runGo } from '../go-build.js';
import { checkoutRoot, withLock } from '../toolbox.js';

/** The Go module of the Prometheus Operator, which holds the definitions of its kinds. */
const [MODULE, VERSION] = ['github.com/prometheus-operator/prometheus-operator', 'v0.85.0'];
/** Go's hash of it, by which Go has checked what it downloaded. */
const INTEGRITY = 'h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=';
/** The kinds that the chart makes, by the plural that their files are called by. */
const KINDS = ['servicemonitors', 'prometheusrules'];

/** A part of a schema of OpenAPI 3, as a CustomResourceDefinition has it. */
interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
  readonly items?: Schema;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
}

/** What is read of a CustomResourceDefinition. */
interface Definition {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly singular: string };
    readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
}

/**
 * What kubeconform's `-schema-location` takes, a second time: the schemas of ServiceMonitor and PrometheusRule out of the Go
 * module of the Prometheus Operator {@link VERSION}, strict as those of Kubernetes are, in `.cache/tools/` of the checkout.
 *
 * @throws DtaError `start_failed` with why they could not be had
 */
export async function fetchPrometheusOperatorSchemas(): Promise<string> {
  const folder = join(checkoutRoot(), '.cache', 'tools', `prometheus-operator-schemas-${VERSION}`);
  const location = `file://${folder}/{{.ResourceKind}}{{.KindSuffix}}.json`;
  if (existsSync(folder)) return location;
  await withLock(`${folder}.lock`, async () => {
    if (existsSync(folder)) return;
    const unfinished = `${folder}.${process.pid}`;
    try {
      const output = await runGo(['mod', 'download', '-json', `${MODULE}@${VERSION}`]);
      const { Dir: sources, Sum: sum } = JSON.parse(output) as { Dir: string; Sum: string }; // as `go help mod download` says
      if (sum !== INTEGRITY) throw new Error('it is another module than was pinned');
      await mkdir(unfinished, { recursive: true });
      for (const kind of KINDS) {
        const file = join(sources, 'example/prometheus-operator-crd', `monitoring.coreos.com_${kind}.yaml`);
        const { spec } = parse(await readFile(file, 'utf8')) as Definition; // Kubernetes requires these of one
        for (const { name: version, schema } of spec.versions) {
          const name = `${spec.names.singular}-${spec.group.split('.')[0]}-${version}.json`;
          await writeFile(join(unfinished, name), JSON.stringify(strict(schema.openAPIV3Schema)));
        }
      }
      await rename(unfinished, folder);
    } catch (cause) {
      const wanted = 'it takes Go and access to its module proxy';
      throw new DtaError('start_failed', `the schemas of the Prometheus Operator could not be fetched: ${wanted}`, {
        cause,
      });
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  });
  return location;
}

/** A schema that takes no property that it doesn't know: an API server takes such a one and forgets it. */
function strict(schema: Schema): Schema {
  const { properties, items } = schema;
  const isOpen = schema.additionalProperties !== undefined || schema['x-kubernetes-preserve-unknown-fields'] === true;
  return {
    ...schema,
    ...(items !== undefined && { items: strict(items) }),
    ...(properties !== undefined && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, strict(each)])),
      ...(!isOpen && { additionalProperties: false }),
    }),
  };
}
