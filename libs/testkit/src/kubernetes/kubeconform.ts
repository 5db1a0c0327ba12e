import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DtaError } from '@dta/errors';
import { runGo } from '../go-build.js';
import { runFolderPrefix } from '../run-services.js';
import { checkoutRoot, withLock, type FetchOptions } from '../toolbox.js';

const run = promisify(execFile);
const VERSION = 'v0.8.0';
/** A Python package that holds Kubernetes's schemas, of several versions. */
const [SCHEMAS, SCHEMAS_VERSION] = ['kubernetes-validate', '1.37.0'];
/** SHA-256 of it, as the registry has it. */
const SCHEMAS_HASH = '85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9';
/** The version of Kubernetes whose schemas are taken. */
const KUBERNETES = 'v1.35.0';

/** What holds manifests against the schemas of Kubernetes. */
export interface Kubeconform {
  readonly program: string;
  /** What `-schema-location` takes: files of this machine. */
  readonly schemas: string;
}

/**
 * kubeconform, built by Go, and the strict schemas of Kubernetes {@link KUBERNETES}, out of a Python package: in `.cache/tools/`
 * of the checkout.
 *
 * @throws DtaError `start_failed` with why they could not be had
 */
export async function fetchKubeconform({ progress, signal }: FetchOptions = {}): Promise<Kubeconform> {
  const folder = join(checkoutRoot(), '.cache', 'tools', `kubeconform-${VERSION}-${KUBERNETES}`);
  const found = {
    program: join(folder, 'kubeconform'),
    schemas: `file://${folder}/schemas/{{.ResourceKind}}{{.KindSuffix}}.json`,
  };
  if (existsSync(folder)) return found;
  const get = async () => {
    if (existsSync(folder)) return;
    const unfinished = `${folder}.${process.pid}`;
    try {
      await mkdir(join(unfinished, 'schemas'), { recursive: true });
      const environment = { ...process.env, GOBIN: unfinished, GOFLAGS: '-mod=mod' };
      await runGo(['install', `github.com/yannh/kubeconform/cmd/kubeconform@${VERSION}`], { environment, signal });
      await unpackSchemas(join(unfinished, 'schemas'), join(folder, 'schemas'));
      await rename(unfinished, folder);
    } catch (cause) {
      signal?.throwIfAborted();
      const wanted = 'it takes Go with access to its module proxy, and Python 3 with pip';
      throw new DtaError('start_failed', `kubeconform could not be had: ${wanted}. ${String(cause)}`, { cause });
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  };
  const locked = () => withLock(`${folder}.lock`, get, signal);
  await (progress === undefined ? locked() : progress.during('building kubeconform', locked));
  return found;
}

/** Each schema refers to others by a path of a server that isn't there: by that of their place, `home`, in the end. */
async function unpackSchemas(folder: string, home: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), `${runFolderPrefix}${process.pid}-schemas-`));
  try {
    const download = ['-m', 'pip', '--quiet', '--disable-pip-version-check', 'download', '--no-deps'];
    await run('python3', [...download, '--dest', work, `${SCHEMAS}==${SCHEMAS_VERSION}`], { timeout: 240_000 });
    const [archive = ''] = await readdir(work);
    const hash = createHash('sha256').update(await readFile(join(work, archive)));
    if (hash.digest('hex') !== SCHEMAS_HASH) throw new Error('it is another package than was pinned');
    await run('python3', ['-m', 'zipfile', '-e', join(work, archive), join(work, 'all')], { timeout: 240_000 });
    const all = join(work, 'all/kubernetes_validate/kubernetes-json-schema', `${KUBERNETES}-local-strict`);
    for (const name of await readdir(all)) {
      const schema = await readFile(join(all, name), 'utf8');
      const moved = schema.replaceAll('"/api/_definitions.json#', `"file://${home}/_definitions.json#`);
      await writeFile(join(folder, name), moved);
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
