import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DtaError } from '@dta/errors';
import { runFolderPrefix } from '../run-services.js';
import { checkoutRoot, withLock } from '../toolbox.js';

const run = promisify(execFile);
/** A Python package that holds Kubernetes's schemas, of several versions. */
const [PACKAGE, VERSION] = ['kubernetes-validate', '1.37.0'];
/** SHA-256 of it, as the registry has it. */
const INTEGRITY = '85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9';
/** The version of Kubernetes whose schemas are taken. */
const KUBERNETES = 'v1.35.0';

/**
 * What kubeconform's `-schema-location` takes: the strict schemas of Kubernetes {@link KUBERNETES}, out of a Python package, in
 * `.cache/tools/` of the checkout.
 *
 * @throws DtaError `start_failed` with why they could not be had
 */
export async function fetchKubernetesSchemas(): Promise<string> {
  const folder = join(checkoutRoot(), '.cache', 'tools', `kubernetes-schemas-${KUBERNETES}`);
  const location = `file://${folder}/{{.ResourceKind}}{{.KindSuffix}}.json`;
  if (existsSync(folder)) return location;
  await withLock(`${folder}.lock`, async () => {
    if (existsSync(folder)) return;
    const work = await mkdtemp(join(tmpdir(), `${runFolderPrefix}${process.pid}-schemas-`));
    const unfinished = `${folder}.${process.pid}`;
    try {
      const download = ['-m', 'pip', '--quiet', '--disable-pip-version-check', 'download', '--no-deps'];
      await run('python3', [...download, '--dest', work, `${PACKAGE}==${VERSION}`], { timeout: 240_000 });
      const [archive = ''] = await readdir(work);
      const hash = createHash('sha256').update(await readFile(join(work, archive)));
      if (hash.digest('hex') !== INTEGRITY) throw new Error('it is another package than was pinned');
      await run('python3', ['-m', 'zipfile', '-e', join(work, archive), join(work, 'all')], { timeout: 240_000 });
      const all = join(work, 'all/kubernetes_validate/kubernetes-json-schema', `${KUBERNETES}-local-strict`);
      await mkdir(unfinished, { recursive: true });
      for (const name of await readdir(all)) {
        const schema = await readFile(join(all, name), 'utf8');
        // each refers to others by a path of a server that isn't there
        const moved = schema.replaceAll('"/api/_definitions.json#', `"file://${folder}/_definitions.json#`);
        await writeFile(join(unfinished, name), moved);
      }
      await rename(unfinished, folder);
    } catch (cause) {
      const wanted = 'it takes Python 3 with pip and access to its registry';
      throw new DtaError('start_failed', `the schemas of Kubernetes could not be fetched: ${wanted}`, { cause });
    } finally {
      await rm(unfinished, { recursive: true, force: true });
      await rm(work, { recursive: true, force: true });
    }
  });
  return location;
}
