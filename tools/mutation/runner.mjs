// Stryker's plugin that runs the suites: in the process, each mutant with fresh modules and in the files that reach it, the
// suite of the mutated file's name first, then the quickest, up to the first test that fails.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { declareFactoryPlugin, PluginKind, tokens, commonTokens } from '@stryker-mutator/api/plugin';
import fc from 'fast-check';
import { importFresh } from './fresh-modules.mjs';
import { collect } from './test-globals.mjs';

const patience = 30_000;
/** How often a mutant may be met in one file, which only a loop without end exceeds. */
const hitLimit = 10_000_000;
const notesFile = '.mutation-notes.json'; // in the sandbox: what the first run noted, for the processes that run mutants
/** What the instrumented code reads and counts in. */
const switches = (globalThis.__stryker__ ??= {});
/** In the first run, the tests in which a call threw that a mutant takes away, by the mutant's id. */
const throwing = {};
/** Notes, in the first run, each mutant that would have given another value here. */
switches.told = (value, ...mutants) => {
  if (switches.activeMutant !== undefined) return value;
  const reached = (switches.mutantCoverage.perTest[switches.currentTestId] ??= {});
  for (let at = 0; at < mutants.length; at += 2) {
    const [mutant, mutated] = [mutants[at], mutants[at + 1]];
    const isSame = Object.is(typeof mutated === 'boolean' ? Boolean(value) : value, mutated);
    if (!isSame) reached[mutant] = (reached[mutant] ?? 0) + 1;
  }
  return value;
};
switches.threw = (mutant) => {
  if (switches.activeMutant === undefined) (throwing[mutant] ??= new Set()).add(switches.currentTestId);
};
const setUpOf = (file) => `${file}: set-up`;

function createRunner(options) {
  const { project, suites, without } = options.mutation;
  const folder = `${project}/dist/test`;
  const paths = readdirSync(folder)
    .map((file) => ({ file, suite: /^(.*(?<!\.long))\.spec\.js$/.exec(file)?.[1] }))
    .filter(({ suite }) => suite !== undefined && (suites?.includes(suite) ?? true) && !without.includes(suite))
    .map(({ file }) => `${folder}/${file}`);
  let services;

  return {
    capabilities: () => ({ reloadEnvironment: true }),
    init: async () => {
      process.on('unhandledRejection', () => undefined); // a mutant's own, of a test that is over
      process.on('uncaughtException', () => undefined);
      fc.configureGlobal({ endOnFailure: true }); // any case notices a mutant; to find the smallest takes long
      const { openRunServices } = await import(
        pathToFileURL(join(process.cwd(), 'libs/testkit/dist/src/run-services.js')).href
      );
      services = await openRunServices();
    },
    dispose: async () => services?.stop(),

    dryRun: async () => {
      switches.mutantCoverage = { static: {}, perTest: {} };
      const tests = [];
      for (const path of paths) {
        const started = performance.now();
        const results = await runFile(path, null);
        const inTests = results.reduce((sum, { timeSpentMs }) => sum + timeSpentMs, 0);
        tests.push(...results, passed(setUpOf(path), performance.now() - started - inTests));
      }
      const times = Object.fromEntries(tests.map(({ id, timeSpentMs }) => [id, timeSpentMs]));
      const threw = Object.fromEntries(Object.entries(throwing).map(([mutant, ids]) => [mutant, [...ids]]));
      writeFileSync(notesFile, JSON.stringify({ times, threw }));
      return { status: 'complete', tests, mutantCoverage: switches.mutantCoverage };
    },

    mutantRun: async ({ activeMutant, testFilter, sandboxFileName }) => {
      const { times, threw } = JSON.parse(readFileSync(notesFile, 'utf8'));
      const name = basename(sandboxFileName, '.ts');
      const mayTake = options.mutation.share * Object.values(times).reduce((sum, time) => sum + time, 0);
      let [nrOfTests, taken] = [0, 0];
      // where a call threw, its loss is noticed by a test in which it did, as a rule
      for (const ids of [threw[activeMutant.id] ?? [], testFilter ?? Object.keys(times)]) {
        for (const { path, wanted, time } of inOrder(paths, new Set(ids), times, name)) {
          if (nrOfTests > 0 && taken + time > mayTake) break;
          taken += time;
          Object.assign(switches, { activeMutant: activeMutant.id, hitLimit, hitCount: 0 });
          const results = await runFile(path, wanted).finally(() => (switches.activeMutant = undefined));
          if (switches.hitCount > hitLimit) return { status: 'timeout', reason: 'a loop without end' };
          nrOfTests += results.length;
          const failed = results.find(({ status }) => status === 1);
          if (failed !== undefined) {
            return { status: 'killed', killedBy: [failed.id], failureMessage: failed.failureMessage, nrOfTests };
          }
        }
      }
      return { status: 'survived', nrOfTests };
    },
  };
}
createRunner.inject = tokens(commonTokens.options);

/** Files with a test that reaches the mutant; all tests of a file whose set-up reaches it (`wanted` is null then). */
function inOrder(paths, reaching, times, name) {
  const own = ({ path }) => Number(basename(path, '.spec.js') === name);
  return paths
    .map((path) => {
      const whole = reaching.has(setUpOf(path));
      const ids = Object.keys(times).filter((id) => id.startsWith(`${path}: `));
      const wanted = whole ? ids : ids.filter((id) => reaching.has(id));
      return {
        path,
        wanted: whole ? null : new Set(wanted),
        count: wanted.length,
        time: wanted.reduce((sum, id) => sum + times[id], 0),
      };
    })
    .filter(({ count }) => count > 0)
    .sort((one, other) => own(other) - own(one) || one.time - other.time);
}

/** Runs the wanted tests of a file (all, where null) up to the first failure; a file that doesn't load is a failed test. */
async function runFile(path, wanted) {
  const setUp = setUpOf(path);
  const results = [];
  const state = { hasFailed: false };
  const attempt = async (id, run) => {
    try {
      await withinPatience(run);
      return true;
    } catch (error) {
      state.hasFailed = true;
      results.push({ ...passed(id, 0), status: 1, failureMessage: String(error?.stack ?? error).slice(0, 2000) });
      return false;
    }
  };
  const idOf = (block, { name }) => {
    const names = [name];
    for (let at = block; at?.parent !== undefined; at = at.parent) names.unshift(at.name);
    return `${path}: ${names.join(' ')}`;
  };
  const isWanted = (block, entry) =>
    entry.run === undefined
      ? entry.entries.some((inner) => isWanted(entry, inner))
      : (wanted?.has(idOf(block, entry)) ?? true);

  const runBlock = async (block, before, after) => {
    const entries = block.entries.filter((entry) => isWanted(block, entry));
    if (entries.length === 0) return;
    const beforeEach = [...before, ...block.hooks.beforeEach];
    const afterEach = [...block.hooks.afterEach, ...after];
    for (const hook of block.hooks.beforeAll) {
      if (!state.hasFailed) await attempt(setUp, hook);
    }
    for (const entry of entries) {
      if (state.hasFailed) break;
      if (entry.run === undefined) {
        await runBlock(entry, beforeEach, afterEach);
        continue;
      }
      const id = idOf(block, entry);
      const started = performance.now();
      switches.currentTestId = id;
      let held = true;
      for (const step of [...beforeEach, entry.run]) held = held && (await attempt(id, step));
      for (const step of afterEach) held = (await attempt(id, step)) && held;
      switches.currentTestId = setUp;
      if (held) results.push(passed(id, performance.now() - started));
    }
    for (const hook of block.hooks.afterAll) await attempt(setUp, hook);
  };

  switches.currentTestId = setUp;
  let root;
  const loaded = await attempt(setUp, async () => {
    root = await collect(() => importFresh(join(process.cwd(), path)));
  });
  if (loaded) await runBlock(root, [], []);
  return results;
}

function passed(id, timeSpentMs) {
  return { id, name: id, timeSpentMs: Math.max(0, Math.round(timeSpentMs)), status: 0 };
}

async function withinPatience(run) {
  let timer;
  const over = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`still running after ${patience / 1000} s`)), patience);
  });
  try {
    await Promise.race([run(), over]);
  } finally {
    clearTimeout(timer);
  }
}

export const strykerPlugins = [declareFactoryPlugin(PluginKind.TestRunner, 'in-process', createRunner)];
export const strykerValidationSchema = { type: 'object', properties: { mutation: { type: 'object' } } };
