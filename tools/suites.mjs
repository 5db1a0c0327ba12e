// Runs Jest and counts. Jest's own exit status isn't enough: a run of no test is a failure too.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { node } from './bootstrap.mjs';
import { root, run, say, startStep } from './process.mjs';

/** Every suite but the long ones: how many tests passed and failed; a suite that doesn't run is one failed test. */
export async function runSuites(args = []) {
  if (!(await fetchTools())) return { passed: 0, failed: 1 };
  const counts = count(await jest(args, {}));
  say('tests have run');
  return counts;
}

/** The suites that run a Kubernetes of their own, which no other suite has to wait for: a pattern of their names. */
export const kubernetesSuites = '(kubernetes|chart)[^/]*\\.long\\.spec';

/** The long suites, one after the other, each beside the budget in its first line: `// budget: 120 s`. */
export async function runLongSuites(args = []) {
  const withKubernetes = args.length === 0 || args.some((arg) => /kubernetes|chart/.test(arg));
  if (!(await fetchTools(withKubernetes))) return { passed: 0, failed: 1 };
  const report = await jest(['--runInBand', ...args], { DTA_LONG: '1' });
  const { passed, failed } = count(report);
  let over = 0;
  for (const { name, startTime, endTime } of report?.testResults ?? []) {
    const source = name.replace('/dist/', '/').replace(/\.js$/, '.ts');
    const budget = Number(/^\/\/ budget: (\d+) s\b/.exec(readFileSync(source, 'utf8'))?.[1]);
    const seconds = (endTime - startTime) / 1000;
    const within = seconds <= budget; // never, where no budget is named
    if (!within) over++;
    const verdict = Number.isNaN(budget) ? 'HAS NO BUDGET' : `of ${budget} s${within ? '' : ', OVER BUDGET'}`;
    say(`${relative(root, source)}: ${seconds.toFixed(1)} s ${verdict}`);
  }
  return { passed, failed: failed + over };
}

function count(report) {
  if (report === undefined) return { passed: 0, failed: 1 };
  const skipped = report.numPendingTests + report.numTodoTests;
  if (skipped > 0) say(`${skipped} tests were skipped`);
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites + (report.hangs ? 1 : 0);
  return { passed: report.numPassedTests, failed };
}

/** Programs that tests run are got before the first test that waits for one. */
async function fetchTools(withKubernetes = false) {
  const args = [join(root, 'tools/fetch-tools.mjs'), ...(withKubernetes ? ['kubernetes'] : [])];
  const fetched = (await run('getting the services for tests', node(), args)) === 0;
  say(fetched ? 'services for tests are there' : 'services for tests could not be had');
  return fetched;
}

const patience = 30_000;

/** Jest's report as JSON, nothing where it didn't get that far; `hangs` where it didn't end after it. */
async function jest(args, env) {
  const file = join(root, '.cache', `jest-report-${process.pid}.json`);
  mkdirSync(join(root, '.cache'), { recursive: true });
  rmSync(file, { force: true });
  const program = join(root, 'node_modules/jest/bin/jest.js');
  const quiet = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const all = [...quiet, program, '--json', `--outputFile=${file}`, ...args];
  const { child, ended } = startStep('testing', node(), all, env, { isQuiet: true }); // with --json, standard output repeats the report
  let hangs = false;
  const watch = setInterval(() => {
    if (!existsSync(file)) return;
    clearInterval(watch);
    setTimeout(() => {
      hangs = true;
      child.kill('SIGKILL');
    }, patience).unref();
  }, 500);
  await ended;
  clearInterval(watch);
  if (hangs) say(`Jest was still running ${patience / 1000} s after its last test: a test leaves something open`);
  const report = existsSync(file) ? { ...JSON.parse(readFileSync(file, 'utf8')), hangs } : undefined;
  rmSync(file, { force: true });
  return report;
}
