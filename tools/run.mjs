// `npm run <name>` for everything but start: node tools/run.mjs <name> [argument…]
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { clusterCommand } from '../apps/standalone/src/options.mjs';
import { answerArguments } from './command.mjs';
import { compile, compilePkcs11, install, node, pkcs11Wanted } from './bootstrap.mjs';
import { imagesCommand } from './images/options.mjs';
import { removeStaleOutputs } from './stale-outputs.mjs';
import { lint } from './lint.mjs';
import { failWith, handOver, root, run, say } from './process.mjs';
import { kubernetesSuites, runLongSuites, runSuites } from './suites.mjs';

const [name, ...args] = process.argv.slice(2);

const programs = {
  demo: ['apps/cli', 'apps/cli/dist/src/main.js', 'demo'],
  cluster: ['e2e', 'e2e/dist/src/cluster-main.js'],
  bench: ['e2e', 'e2e/dist/bench/main.js'],
};

const commands = {
  build: async () => {
    removeStaleOutputs();
    process.exit((await compile()) ? 0 : 1);
  },
  'build:pkcs11': async () => process.exit((await compilePkcs11()) ? 0 : failWith(pkcs11Wanted)),
  lint: async () => process.exit((await lint()) ? 0 : 1),
  format: async () => {
    const prettier = join(root, 'node_modules/prettier/bin/prettier.cjs');
    process.exit(await run('formatting', node(), [prettier, '--write', '.']));
  },
  docs: async () => {
    if (!(await compile())) failWith('the sources do not compile');
    process.exit(await run('writing the documents', node(), [join(root, 'tools/docs.mjs'), 'write']));
  },
  images: async () => {
    answerArguments(imagesCommand, args);
    if (!(await compilePkcs11())) failWith(pkcs11Wanted);
    if (!(await compile())) failWith('the sources do not compile');
    handOver(node(), [join(root, 'tools/images/build.mjs'), ...args]);
  },
  test: async () => finish(await testAll()),
  'test:long': async () => finish(await testLong(args)),
  'test:k8s': async () => finish(await testLong([kubernetesSuites, ...args])),
  mutation: async () => {
    removeStaleOutputs();
    if (!(await compile())) failWith('the sources do not compile');
    process.exit(await run('mutating', node(), [join(root, 'tools/mutation/main.mjs'), ...args]));
  },
};

async function testAll() {
  removeStaleOutputs();
  if (!(await compile())) return { passed: 0, failed: 1 }; // what an old output would say is no news
  if (!(await compilePkcs11())) say(pkcs11Wanted); // its suites fail, and say so
  const clean = await lint();
  const { passed, failed } = await runSuites(args);
  return { passed, failed: failed + (clean ? 0 : 1) };
}

async function testLong(suites) {
  removeStaleOutputs();
  if (!(await compilePkcs11())) say(pkcs11Wanted);
  return (await compile()) ? await runLongSuites(suites) : { passed: 0, failed: 1 };
}

function finish({ passed, failed }) {
  say(failed === 0 && passed > 0 ? 'all is well' : 'not all is well');
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}

if (name in programs) {
  const [project, program, ...first] = programs[name];
  if (name === 'cluster') answerArguments(clusterCommand, args);
  await install();
  if (process.env.BENCH === 'parts' && !(await compilePkcs11())) failWith(pkcs11Wanted);
  if (!(await compile(project))) failWith('the sources do not compile');
  if (!existsSync(join(root, program))) failWith(`${program} is not there`);
  handOver(node(), [join(root, program), ...first, ...args]);
} else if (name in commands) {
  await install();
  await commands[name]();
} else {
  failWith(`usage: node tools/run.mjs ${[...Object.keys(commands), ...Object.keys(programs)].join('|')}`);
}
