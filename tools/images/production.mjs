// What an image holds, in a folder: node tools/images/production.mjs <folder>, in a compiled checkout. The Dockerfile runs it too.
//
//   node           the Node of package-lock.json
//   shared         production packages of node_modules, and libs/: the same in both images, so they share it
//   roles, cli     what each has besides
//
// Left out: what is for development (by the lock's own marks), PostgreSQL, sources, types, maps, tests.
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { failWith, root } from '../process.mjs';
import { bomOf } from './bom.mjs';

const images = {
  roles: {
    projects: ['apps/principal', 'apps/beneficiary', 'apps/fiduciary', 'apps/gateway'],
    plugins: ['plugins/milagro', 'plugins/bitcoinwallet', 'plugins/safeguardsecret'],
    files: { 'README.md': 'README.md', 'deploy/images/health.mjs': 'health.mjs' }, // the gateway shows the first
    programs: {},
  },
  cli: {
    projects: ['apps/cli'],
    plugins: [],
    files: Object.fromEntries(['deploy/compose/prepare.sh', 'deploy/compose/migrate.sh'].map((file) => [file, file])),
    programs: { dta: 'apps/cli/dist/src/main.js' },
  },
};
const compiledPackage = 'pkcs11js';

const out = process.argv[2] ?? failWith('usage: node tools/images/production.mjs <folder>');
const { packages, version } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
const folderOf = new Map(
  Object.entries(packages)
    .filter(([place]) => /^(libs|apps|plugins)\/[^/]+$/.test(place))
    .map(([place, { name }]) => [name, place]),
);

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const nodePackage = `node_modules/node-${process.platform}-${process.arch}`;
copyFileSync(join(root, nodePackage, 'bin/node'), join(out, 'node'));
copy(join(nodePackage, 'LICENSE'), 'shared/LICENSE.node');

const external = Object.keys(packages).filter(isForProduction);
for (const place of external) copyPackage(place);
const libs = new Set();
for (const [image, { projects, plugins, files, programs }] of Object.entries(images)) {
  for (const project of [...projects, ...plugins]) {
    copyProject(project, image);
    for (const other of projectsOf(project)) if (other.startsWith('libs/')) libs.add(other);
  }
  for (const [from, to] of Object.entries(files)) copy(from, join(image, to));
  for (const [name, program] of Object.entries(programs)) {
    mkdirSync(join(out, image, 'bin'));
    symlinkSync(`../${program}`, join(out, image, 'bin', name));
    chmodSync(join(out, image, program), 0o755);
  }
}
for (const lib of libs) copyProject(lib, 'shared');
copy('LICENSE', 'shared/LICENSE');
writeFileSync(join(out, 'shared/bom.json'), bomOf({ version, packages, places: [...external, nodePackage], root }));
openToAll(out);

/** The lock marks what only development, or another platform or an optional feature, asks for. */
function isForProduction(place) {
  if (place === `node_modules/${compiledPackage}`) return true;
  const { link, dev, devOptional, optional } = packages[place];
  return place.includes('node_modules/') && !link && !dev && !devOptional && !optional;
}

/** One package, without those that lie in its own node_modules: they are places of the lock too. */
function copyPackage(place) {
  const from = join(root, place);
  const isCompiled = basename(place) === compiledPackage;
  copy(place, join('shared', place), (file) => {
    const path = relative(from, file);
    if (path === 'node_modules' || /\.(map|[cm]?ts|tsbuildinfo|flow)$/.test(path)) return false;
    return !isCompiled || /^(package\.json|index\.js|LICENSE|build(\/Release(\/pkcs11\.node)?)?|)$/.test(path);
  });
}

/** A project of ours: what was compiled of its sources, and its package.json, which says what it exports. */
function copyProject(project, image) {
  copy(join(project, 'package.json'), join(image, project, 'package.json'));
  copy(join(project, 'dist/src'), join(image, project, 'dist/src'), (file) => !/\.(map|d\.m?ts)$/.test(file));
  const link = join(out, image, 'node_modules', packages[project].name);
  mkdirSync(dirname(link), { recursive: true });
  symlinkSync(relative(dirname(link), join(out, image, project)), link);
}

/** The projects of ours that a project needs, and that those need. */
function projectsOf(project, found = new Set()) {
  for (const name of Object.keys(packages[project].dependencies ?? {})) {
    const place = folderOf.get(name);
    if (place === undefined || found.has(place)) continue;
    found.add(place);
    projectsOf(place, found);
  }
  return found;
}

function copy(from, to, filter = () => true) {
  const target = join(out, to);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(root, from), target, { recursive: true, filter, verbatimSymlinks: true });
}

/** Another user runs it than the one that built it, whose files may be its own alone. */
function openToAll(folder) {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const place = join(folder, entry.name);
    if (entry.isDirectory()) openToAll(place);
    else if (entry.isFile()) chmodSync(place, statSync(place).mode & 0o100 ? 0o755 : 0o644);
  }
}
