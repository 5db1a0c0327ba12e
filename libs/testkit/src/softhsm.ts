import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { DtaError } from '@dta/errors';
import { fetchPackages, type PackageOptions } from './debian-packages.js';
import { freshName } from './run-services.js';
import { checkoutRoot, withLock } from './toolbox.js';

/** The version that is told apart from later ones by its folder; Debian and Ubuntu have had it since 2020. */
const VERSION = '2.6.1';
const moduleFolders = ['usr/lib/softhsm', 'usr/lib/x86_64-linux-gnu/softhsm', 'usr/lib/aarch64-linux-gnu/softhsm'];
const run = promisify(execFile);

/** SoftHSM as programs have it: an HSM in a folder, with every call of a real one. */
export interface SoftHsm {
  /** The PKCS#11 module. */
  readonly module: string;
  /** Makes tokens. */
  readonly util: string;
}

/**
 * SoftHSM {@link VERSION}: the system's where it is installed, else taken out of the packages of Debian or Ubuntu into
 * `.cache/tools/softhsm-<version>/` of the checkout, which needs no rights and installs nothing.
 *
 * @throws DtaError `start_failed` with one sentence that says what to install
 */
export async function fetchSoftHsm(): Promise<SoftHsm> {
  const folder = join(checkoutRoot(), '.cache', 'tools', `softhsm-${VERSION}`);
  const unpacked = softHsmIn(folder, [join(folder, 'usr/bin')]);
  if (unpacked !== undefined) return unpacked;
  const installed = softHsmIn('/', (process.env['PATH'] ?? '').split(delimiter));
  if (installed !== undefined && (await hasVersion(installed))) return installed;
  await withLock(`${folder}.lock`, async () => {
    if (softHsmIn(folder, [join(folder, 'usr/bin')]) === undefined) await fetchPackages(folder, inPackages);
  });
  const fetched = softHsmIn(folder, [join(folder, 'usr/bin')]);
  if (fetched === undefined) throw new DtaError('start_failed', `SoftHSM was unpacked, but is not in ${folder}`);
  return fetched;
}

const inPackages: PackageOptions = {
  packages: ['libsofthsm2', 'softhsm2'],
  check: async (folder) => {
    const softHsm = softHsmIn(folder, [join(folder, 'usr/bin')]);
    if (softHsm === undefined || !(await hasVersion(softHsm))) throw new Error('the packages hold no such SoftHSM');
  },
  wanted: { name: 'SoftHSM', install: 'softhsm2' },
};

function softHsmIn(root: string, programFolders: readonly string[]): SoftHsm | undefined {
  const module = moduleFolders.map((folder) => join(root, folder, 'libsofthsm2.so')).find((file) => existsSync(file));
  const util = programFolders.map((folder) => join(folder, 'softhsm2-util')).find((file) => existsSync(file));
  return module === undefined || util === undefined ? undefined : { module, util };
}

async function hasVersion({ util }: SoftHsm): Promise<boolean> {
  const { stdout } = await run(util, ['--version'], { timeout: 10_000 }).catch(() => ({ stdout: '' }));
  return stdout.trim() >= VERSION; // 2.7 and 2.10 are not out yet
}

/** A token of SoftHSM, and how processes come to it. */
export interface SoftHsmToken {
  readonly module: string;
  /** its label */
  readonly token: string;
  readonly pin: string;
  /** How a process finds it: SoftHSM reads this when the process loads it. */
  readonly environment: { readonly SOFTHSM2_CONF: string };
  /** Takes it away, as if its cable were pulled; what is under way may fail. */
  unplug(): Promise<void>;
  plugIn(): Promise<void>;
  /** Makes it an empty token of the same label and PIN, as an operator may by mistake, for processes that load it after. */
  initialiseAnew(): Promise<void>;
}

/** The variable by which SoftHSM finds its tokens. */
const variable = 'SOFTHSM2_CONF';

/**
 * Makes a place for tokens in `folder` and gives its configuration file.
 */
export async function makeTokenFolder(folder: string): Promise<string> {
  const [tokens, file] = [join(folder, 'tokens'), join(folder, 'softhsm2.conf')];
  await mkdir(tokens, { recursive: true, mode: 0o700 });
  await writeFile(file, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`);
  return file;
}

/**
 * Makes an empty token with a label and a PIN of its own, among those that this test run's processes see, or in another
 * folder made by {@link makeTokenFolder}.
 */
export async function freshToken(configuration = process.env[variable]): Promise<SoftHsmToken> {
  if (configuration === undefined) throw new Error('no token folder: run under Jest, or call openRunServices() first');
  const { module, util } = await fetchSoftHsm();
  const [token, pin] = [freshName(), randomBytes(12).toString('hex')];
  const environment = { [variable]: configuration } as const;
  const init = ['--init-token', '--free', '--label', token, '--so-pin', randomBytes(12).toString('hex'), '--pin', pin];
  const initialise = () =>
    withLock(`${configuration}.lock`, async () => {
      await run(util, ['--module', module, ...init], { env: environment }); // two at a time would take one slot
    });
  await initialise();
  const tokens = join(dirname(configuration), 'tokens');
  let place = await folderOf(tokens, token);
  const aside = join(dirname(configuration), token);
  return {
    ...{ module, token, pin, environment },
    unplug: () => rename(place, aside),
    plugIn: () => rename(aside, place),
    initialiseAnew: async () => {
      await rm(place, { recursive: true });
      await initialise();
      place = await folderOf(tokens, token);
    },
  };
}

async function folderOf(tokens: string, label: string): Promise<string> {
  for (const name of await readdir(tokens)) {
    const bytes = await readFile(join(tokens, name, 'token.object')).catch(() => Buffer.alloc(0));
    if (bytes.includes(label)) return join(tokens, name);
  }
  throw new Error(`SoftHSM has no folder for the token ${label}`);
}
