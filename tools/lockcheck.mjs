// npm ci fails where the lock leaves out an optional dependency that a package in it names, and a lock that names
// addresses works with one registry only.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { failWith, root } from './process.mjs';

const { packages } = JSON.parse(readFileSync(process.argv[2] ?? join(root, 'package-lock.json'), 'utf8'));
const faults = [];

for (const [place, entry] of Object.entries(packages)) {
  for (const name of Object.keys(entry.optionalDependencies ?? {})) {
    if (!isReachable(name, place)) faults.push(`${place || 'the root'} wants ${name}, which the lock does not hold`);
  }
  const external = place.includes('node_modules/') && !entry.link;
  if (external && !entry.integrity && !entry.inBundle) faults.push(`${place} has no integrity hash`);
  if (entry.resolved !== undefined && !entry.link) faults.push(`${place} names an address: ${entry.resolved}`);
}

if (faults.length > 0) failWith(`package-lock.json:\n  ${faults.join('\n  ')}`);

/** As Node looks for it: inside the package that wants it, then beside it, and so on up to the root. */
function isReachable(name, place) {
  for (let folder = place; ;) {
    if (packages[`${folder ? `${folder}/` : ''}node_modules/${name}`] !== undefined) return true;
    if (folder === '') return false;
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1));
  }
}
