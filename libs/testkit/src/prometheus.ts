import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { DtaError } from '@dta/errors';
import { fetchPackages } from './debian-packages.js';
import { freePort } from './free-port.js';
import { runFolderPrefix } from './run-services.js';
import { spawnWithParent } from './spawn-with-parent.js';
import { checkoutRoot, withLock } from './toolbox.js';

const run = promisify(execFile);
/** The lowest that does, major and minor: Ubuntu 22.04's. Debian 12 has 2.42. */
const LEAST: readonly [number, number] = [2, 31];
const startLimitMs = 60_000;

/** Prometheus's two programs, by path. */
export interface PrometheusPrograms {
  readonly server: string;
  /** Checks configurations and runs the tests of rules. */
  readonly promtool: string;
}

/** A running Prometheus. */
export interface Prometheus {
  /** Of its HTTP API. */
  readonly url: string;
  /** Ends it and removes what it stored. */
  stop(): Promise<void>;
}

/**
 * Prometheus: the system's where it is installed, else taken out of the package of Debian or Ubuntu into
 * `.cache/tools/prometheus/` of the checkout, which needs no rights and installs nothing.
 *
 * @throws DtaError `start_failed` with one sentence that says what to install
 */
export async function fetchPrometheus(): Promise<PrometheusPrograms> {
  const folder = join(checkoutRoot(), '.cache', 'tools', 'prometheus');
  const unpacked = () => programsIn([join(folder, 'usr/bin')]);
  const found = unpacked() ?? (await installed());
  if (found !== undefined) return found;
  await withLock(`${folder}.lock`, async () => {
    if (unpacked() !== undefined) return;
    await fetchPackages(folder, {
      packages: ['prometheus'],
      check: async (unfinished) => {
        const programs = programsIn([join(unfinished, 'usr/bin')]);
        if (programs === undefined || !(await isNewEnough(programs))) throw new Error('the package is too old');
      },
      wanted: { name: 'Prometheus', install: `prometheus ${LEAST.join('.')} or later` },
    });
  });
  const fetched = unpacked();
  if (fetched === undefined) throw new DtaError('start_failed', `Prometheus was unpacked, but is not in ${folder}`);
  return fetched;
}

async function installed(): Promise<PrometheusPrograms | undefined> {
  const programs = programsIn((process.env['PATH'] ?? '').split(delimiter));
  return programs !== undefined && (await isNewEnough(programs)) ? programs : undefined;
}

function programsIn(folders: readonly string[]): PrometheusPrograms | undefined {
  const find = (name: string) => folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
  const [server, promtool] = [find('prometheus'), find('promtool')];
  return server === undefined || promtool === undefined ? undefined : { server, promtool };
}

async function isNewEnough({ server }: PrometheusPrograms): Promise<boolean> {
  const { stdout } = await run(server, ['--version'], { timeout: 10_000 }).catch(() => ({ stdout: '' }));
  const [, major = 0, minor = 0] = /version (\d+)\.(\d+)\./.exec(stdout)?.map(Number) ?? [];
  return major > LEAST[0] || (major === LEAST[0] && minor >= LEAST[1]);
}

/**
 * Starts a real Prometheus on 127.0.0.1; settles when it is ready. It ends with this process, on Linux even where that is
 * killed.
 *
 * @param configFile what `--config.file` names
 * @throws DtaError `start_failed` with its last words
 */
export async function startPrometheus(configFile: string): Promise<Prometheus> {
  const { server } = await fetchPrometheus();
  const storage = await mkdtemp(join(tmpdir(), `${runFolderPrefix}${process.pid}-prometheus-`));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const settings = {
    'config.file': configFile,
    'storage.tsdb.path': storage,
    'web.listen-address': `127.0.0.1:${port}`,
  };
  const args = Object.entries({ ...settings, 'log.level': 'warn' }).map(([name, value]) => `--${name}=${value}`);
  const child = spawnWithParent(server, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let lastWords = '';
  child.stderr?.on('data', (text: Buffer) => (lastWords = (lastWords + text.toString()).slice(-2_000)));
  let isGone = false;
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  }).then(() => void (isGone = true));
  const stop = async () => {
    child.kill('SIGTERM');
    await gone;
    await rm(storage, { recursive: true, force: true });
  };
  for (const limit = Date.now() + startLimitMs; !(await isReady(url)); await delay(50)) {
    if (!isGone && Date.now() < limit) continue;
    await stop();
    throw new DtaError('start_failed', `Prometheus did not start: ${lastWords.trim() || 'it said nothing'}`);
  }
  return { url, stop };
}

function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/-/ready`, { signal: AbortSignal.timeout(1_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}
