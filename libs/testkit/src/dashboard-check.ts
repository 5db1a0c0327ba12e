import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buildSources } from './go-build.js';
import { checkoutRoot, withLock, type FetchOptions } from './toolbox.js';

/**
 * The path of the program that holds a dashboard against Grafana's schemas (`tools/dashboard-check`): it takes a file, and
 * its exit status says whether Grafana's own reader takes it. Built by Go, once for each version of its sources.
 *
 * @throws DtaError `start_failed` with why it could not be built
 */
export async function fetchDashboardCheck({ progress, signal }: FetchOptions = {}): Promise<string> {
  const sources = join(checkoutRoot(), 'tools', 'dashboard-check');
  const hash = createHash('sha256');
  for (const name of ['main.go', 'go.sum']) hash.update(await readFile(join(sources, name)));
  const folder = join(checkoutRoot(), '.cache', 'tools', `dashboard-check-${hash.digest('hex').slice(0, 12)}`);
  const program = join(folder, 'dashboard-check');
  const build = async () => {
    if (existsSync(program)) return;
    const unfinished = `${folder}.${process.pid}`;
    try {
      await mkdir(unfinished, { recursive: true });
      await buildSources(sources, '.', join(unfinished, 'dashboard-check'), { signal });
      await rename(unfinished, folder);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  };
  if (existsSync(program)) return program;
  const locked = () => withLock(`${folder}.lock`, build, signal);
  await (progress === undefined ? locked() : progress.during('building the check of dashboards', locked));
  return program;
}
