// `@jest/globals` for the suites that meet mutants: what they use of it, collected as plain functions. Jest compiles every
// module anew for every file, which is seconds a mutant; here a mutant costs what its tests cost.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { bind } = require('jest-each');
const { ModuleMocker } = require('jest-mock');

export const { jestExpect: expect } = require('@jest/expect');

const newBlock = (name, parent) => ({
  name,
  parent,
  entries: [],
  hooks: { beforeAll: [], beforeEach: [], afterEach: [], afterAll: [] },
});
let open = newBlock('');

/** What a file of tests says while `load` runs: a block of tests and blocks. */
export async function collect(load) {
  const block = newBlock('');
  open = block;
  await load();
  return block;
}

export function describe(name, fill) {
  const block = newBlock(name, open);
  open.entries.push(block);
  open = block;
  fill();
  open = block.parent;
}
describe.each = bind(describe, false);

export function test(name, run) {
  open.entries.push({ name, run });
}
test.each = bind(test, false);

const hook = (kind) => (run) => void open.hooks[kind].push(run);
export const beforeAll = hook('beforeAll');
export const beforeEach = hook('beforeEach');
export const afterEach = hook('afterEach');
export const afterAll = hook('afterAll');

/** Modules that a file has replaced, by specifier: what makes them. */
export const replaced = new Map();

const mocker = new ModuleMocker(globalThis);
export const jest = {
  spyOn: mocker.spyOn.bind(mocker),
  fn: mocker.fn.bind(mocker),
  restoreAllMocks: () => mocker.restoreAllMocks(),
  setTimeout: () => undefined,
  unstable_mockModule: (specifier, make) => void replaced.set(specifier, make()),
};
