// What Nx runs for one project: node tools/project.mjs lint|test <folder>. Nx has built what the tests need by then.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { node } from './bootstrap.mjs';
import { failWith, root, run } from './process.mjs';
import { removeStaleOutputs } from './stale-outputs.mjs';

const [task, project = ''] = process.argv.slice(2);
const modules = join(root, 'node_modules');

const tasks = {
  lint: async () => {
    const nx = { NX_DAEMON: 'false', NX_TUI: 'false' };
    const eslint = await run(
      'eslint',
      node(),
      [join(modules, 'eslint/bin/eslint.js'), project, '--max-warnings', '0'],
      nx,
    );
    const prettier = [join(modules, 'prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', project];
    return eslint + (await run('prettier', node(), prettier));
  },
  test: async () => {
    if (usesServices()) {
      const fetched = await run('getting the services for tests', node(), [join(root, 'tools/fetch-tools.mjs')]);
      if (fetched !== 0) return fetched;
    }
    removeStaleOutputs();
    const quiet = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
    const jest = [
      join(modules, 'jest/bin/jest.js'),
      `${project}/dist/test/`,
      ...(hasSpecs() ? [] : ['--passWithNoTests']),
    ];
    return run('testing', node(), [...quiet, ...jest]);
  },
};

if (tasks[task] === undefined || !existsSync(join(root, project, 'package.json'))) {
  failWith(`usage: node tools/project.mjs ${Object.keys(tasks).join('|')} <folder of a project>`);
}
process.exit((await tasks[task]()) === 0 ? 0 : 1);

function hasSpecs() {
  const folder = join(root, project, 'test');
  return (
    existsSync(folder) && readdirSync(folder, { recursive: true }).some((name) => /(?<!\.long)\.spec\.ts$/.test(name))
  );
}

/** Whether a suite asks the testkit for one: those that don't need neither Go nor a database. */
function usesServices() {
  const folder = join(root, project, 'test');
  if (!existsSync(folder)) return false;
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith('.ts'))
    .some((name) => /@dta\/testkit|\.\.\/src\/run-services/.test(readFileSync(join(folder, name), 'utf8')));
}
