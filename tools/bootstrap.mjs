// Makes a checkout ready to run: installs what package-lock.json names, and compiles. Runs before anything is installed,
// under the system's Node 20: built-ins only. `npm start` needs no compiler, Python or Go.
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { failWith, root, run, say } from './process.mjs';

const modules = join(root, 'node_modules');
const ownNode = join(modules, `node-${process.platform}-${process.arch}`);
const leastNode = 24; // ML-KEM in WebCrypto, which X-Wing needs

/** Installs what package-lock.json names, where that isn't what is installed. */
export async function install() {
  if (!isInstalled()) {
    say('installing what package-lock.json names');
    await npm('ci', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error');
    say('installed');
  }
  linkNode();
}

/**
 * Whether node_modules holds each package of the lock, by version and hash. npm writes what it installed into a lock of
 * its own when it is done, so an interrupted install doesn't count. Optional packages may be for other platforms, and
 * what lies inside of such a package goes with it.
 */
function isInstalled() {
  const installedFile = join(modules, '.package-lock.json');
  if (!existsSync(installedFile)) return false;
  const [wanted, installed] = [join(root, 'package-lock.json'), installedFile].map(
    (file) => JSON.parse(readFileSync(file, 'utf8')).packages,
  );
  return Object.entries(wanted)
    .filter(([place]) => place.includes('node_modules/'))
    .every(([place, { version, integrity, optional, os, cpu }]) => {
      const found = installed[place];
      const inside = place.lastIndexOf('node_modules/') > 0;
      const elsewhere = optional === true && (os !== undefined || cpu !== undefined || inside);
      return found === undefined ? elsewhere : found.version === version && found.integrity === integrity;
    });
}

/** Compiles projects (folders with a tsconfig.json), everything by default; whether that went without an error. */
export async function compile(...projects) {
  const tsc = [join(modules, 'typescript-7/bin/tsc'), '-b', '--builders', '2', ...projects];
  const built = (await run('compiling', node(), tsc)) === 0;
  if (built) say('compiled');
  return built;
}

/**
 * Compiles pkcs11js, the only package with code of its own to compile, for whoever wants an HSM: g++, make and Python 3,
 * and nothing is downloaded (the headers come with our Node). Whether it is there in the end.
 */
export async function compilePkcs11() {
  if (existsSync(join(modules, 'pkcs11js/build/Release/pkcs11.node'))) return true;
  // it is run by our Node, so that it fits; and npm finds that one's headers beside it
  const headers = existsSync(ownNode) ? { npm_config_nodedir: ownNode } : {};
  const env = { ...headers, PATH: [join(modules, '.bin'), process.env.PATH].join(delimiter) };
  const { command, first } = npmCommand();
  const rebuild = [...first, 'rebuild', 'pkcs11js', '--ignore-scripts=false', '--loglevel=error'];
  const compiled = (await run('compiling pkcs11js', command, rebuild, env)) === 0;
  if (compiled) say('compiled pkcs11js');
  return compiled;
}

/** What an HSM wants where {@link compilePkcs11} didn't come to its end. */
export const pkcs11Wanted =
  'pkcs11js could not be compiled, without which there is no HSM: install g++, make and Python 3';

/** The Node that runs the project: the one of the lock file, else the one that runs this where it is new enough. */
export function node() {
  const locked = join(ownNode, 'bin/node');
  if (existsSync(locked)) return locked;
  if (Number(process.versions.node.split('.')[0]) >= leastNode) return process.execPath;
  return failWith(`this platform (${process.platform}-${process.arch}) needs Node ${leastNode} or later installed`);
}

/** The npm and Node that were called, never node_modules/.bin/node: `npm ci` is about to delete it. */
async function npm(...args) {
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
  const { command, first } = npmCommand();
  const status = await run('installing', command, [...first, ...args], { PATH: path.join(delimiter) });
  if (status !== 0) failWith(`npm ${args[0]} failed`, status);
}

/** The npm that was called, as it was called; else that on the PATH. */
function npmCommand() {
  const { npm_execpath: cli, npm_node_execpath: nodeOfNpm = process.execPath } = process.env;
  return cli?.endsWith('.js') ? { command: nodeOfNpm, first: [cli] } : { command: 'npm', first: [] };
}

/** npm 10 drops this link where the other platform's optional package, which has a program of the same name, is skipped. */
function linkNode() {
  const link = join(modules, '.bin/node');
  if (existsSync(join(ownNode, 'bin/node')) && !existsSync(link)) {
    symlinkSync(`../node-${process.platform}-${process.arch}/bin/node`, link);
  }
}
