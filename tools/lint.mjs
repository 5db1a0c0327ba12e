import { join } from 'node:path';
import { node } from './bootstrap.mjs';
import { root, run, say } from './process.mjs';

/** Lock file, rules and bans, form: all three, so that one run tells everything; whether nothing was found. */
export async function lint() {
  const modules = join(root, 'node_modules');
  const nx = { NX_DAEMON: 'false', NX_TUI: 'false' };
  const steps = {
    lock: () => run('checking the lock file', node(), [join(root, 'tools/lockcheck.mjs')]),
    eslint: () => run('eslint', node(), [join(modules, 'eslint/bin/eslint.js'), '.', '--max-warnings', '0'], nx),
    prettier: () =>
      run('prettier', node(), [join(modules, 'prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.']),
  };
  let clean = true;
  for (const [name, step] of Object.entries(steps)) {
    const passed = (await step()) === 0;
    say(`${name}: ${passed ? 'nothing found' : 'see above'}`);
    clean &&= passed;
  }
  return clean;
}
