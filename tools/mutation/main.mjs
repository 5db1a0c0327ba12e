// `npm run mutation -- <project> [file or file:line-line …]`: what the suites don't notice. On demand; docs/mutation.md.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Stryker } from '@stryker-mutator/core';
import { adjustMutators, excluded } from './mutators.mjs';
import { adjustPlacers } from './placers.mjs';
import { projects } from './projects.mjs';
import { writeSummary } from './summary.mjs';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const [project, ...only] = process.argv.slice(2);
const asked = projects[project];
if (asked === undefined) {
  console.error(`usage: npm run mutation -- ${Object.keys(projects).join('|')} [src/file.ts|src/file.ts:10-20 …]`);
  process.exit(1);
}

const reports = join(root, '.cache/mutation', project.replace('/', '-'));
mkdirSync(reports, { recursive: true });
const sources = only.length > 0 ? only : (asked.sources ?? ['src/**/*.ts', '!src/index.ts']);
/** Stryker splits the command at blanks. */
const escaped = (path) => path.replaceAll(' ', '\\ ');
const inProject = (pattern) => (pattern.startsWith('!') ? `!${project}/${pattern.slice(1)}` : `${project}/${pattern}`);

await adjustMutators(root);
await adjustPlacers(root);
const results = await new Stryker({
  mutate: sources.map(inProject),
  mutator: { excludedMutations: excluded },
  // mutants are switched while the tests run, so one compilation is enough; the switches aren't well typed
  disableTypeChecks: `${project}/src/**/*.ts`,
  buildCommand: [process.execPath, join(root, 'node_modules/typescript-7/bin/tsc'), '-p', project]
    .map(escaped)
    .join(' '),
  tempDirName: '.cache/mutation/sandbox',
  cleanTempDir: 'always',
  ignorePatterns: ['.cache', '.nx', '.dta', 'coverage'],
  testRunner: 'in-process',
  plugins: ['runner', 'summary'].map((name) => join(root, `tools/mutation/${name}.mjs`)),
  mutation: { project, suites: asked.suites ?? null, without: asked.without ?? [], share: asked.share ?? 1 },
  coverageAnalysis: 'perTest',
  concurrency: Number(process.env.MUTATION_WORKERS ?? 2),
  maxTestRunnerReuse: 300, // modules that were loaded anew aren't freed
  timeoutMS: 120_000, // a busy machine is no loop without end
  timeoutFactor: 4,
  dryRunTimeoutMinutes: 20,
  reporters: ['progress-append-only', 'survivors', 'html', 'json'],
  htmlReporter: { fileName: join(reports, 'report.html') },
  jsonReporter: { fileName: join(reports, 'report.json') },
  allowConsoleColors: false,
}).runMutationTest();

writeSummary(results, join(reports, 'survivors.txt'));
