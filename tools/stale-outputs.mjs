// `tsc -b` leaves the output of deleted sources behind, and a deleted spec would still run.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root, say } from './process.mjs';

/** Removes what is in a `dist` folder of a project and has no source in the project any more. */
export function removeStaleOutputs() {
  let removed = 0;
  for (const project of projects()) {
    const dist = join(project, 'dist');
    if (!existsSync(dist)) continue;
    for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
      const output = join(entry.parentPath ?? entry.path, entry.name); // Node 20 before 20.12 has `path` only
      const stem = /^(.*?)(\.d\.m?ts|\.m?js)(\.map)?$/.exec(relative(dist, output))?.[1];
      const isMade = ['.ts', '.mjs'].some((ending) => existsSync(join(project, `${stem}${ending}`)));
      if (!entry.isFile() || stem === undefined || isMade) continue;
      rmSync(output);
      removed++;
    }
  }
  if (removed > 0) say(`removed ${removed} outputs of deleted sources`);
}

function projects() {
  const of = (folder) => (existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : []);
  return [
    ...of('libs').map((name) => join(root, 'libs', name)),
    ...of('apps').map((name) => join(root, 'apps', name)),
    ...of('plugins').map((name) => join(root, 'plugins', name)),
    ...of('examples').map((name) => join(root, 'examples', name)),
    join(root, 'e2e'),
  ];
}
