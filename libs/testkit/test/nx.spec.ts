import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, jest, test } from '@jest/globals';

// What Nx knows of the projects, by which it says what a change affects and what it may take from its cache.
jest.setTimeout(180_000);

const root = join(import.meta.dirname, '../../../..');
const environment = { ...process.env, NODE_OPTIONS: '', NX_DAEMON: 'false', NX_TUI: 'false' };
const nx = (...args: string[]) =>
  promisify(execFile)(process.execPath, [join(root, 'node_modules/nx/dist/bin/nx.js'), ...args], {
    cwd: root,
    env: environment,
  });

interface Graph {
  readonly nodes: Readonly<Record<string, { data: { root: string; targets: Record<string, Target> } }>>;
}
interface Target {
  readonly cache?: boolean;
  readonly options: { readonly command?: string };
}

const folders = globSync('{libs,apps,plugins,examples}/*/package.json', { cwd: root })
  .concat('e2e/package.json')
  .map(dirname)
  .sort();
/** Of what it names as text, nothing is loaded. */
const namesOthers = ['libs/testkit/test/lint.spec.ts', 'libs/testkit/test/nx.spec.ts'];
let graph: Graph;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dta-nx-'));
  try {
    const file = join(folder, 'graph.json');
    await nx('graph', `--file=${file}`);
    graph = (JSON.parse(await readFile(file, 'utf8')) as { graph: Graph }).graph; // as Nx documents it
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

describe('Nx', () => {
  test('knows every project, with the targets build, lint and test, all cached', () => {
    const projects = Object.values(graph.nodes).map(({ data }) => data);
    expect(projects.map((project) => project.root).sort()).toEqual(folders);
    for (const { root: folder, targets } of projects) {
      expect([folder, Object.keys(targets)]).toEqual([folder, expect.arrayContaining(['build', 'lint', 'test'])]);
      for (const name of ['lint', 'test']) {
        expect(targets[name]?.options.command).toBe(`node tools/project.mjs ${name} ${folder}`);
        expect(targets[name]?.cache).toBe(true);
      }
    }
  });

  test.each(folders)('is told by package.json of all that %s imports, or loads by its name', (folder) => {
    const text = (file: string) => readFileSync(join(root, file), 'utf8');
    // npm requires the form
    const { name, dependencies, devDependencies } = JSON.parse(text(`${folder}/package.json`)) as {
      name: string;
      dependencies?: object;
      devDependencies?: object;
    };
    const files = globSync(`${folder}/{src,test,bench}/**/*.ts`, { cwd: root });
    const imported = files
      .filter((file) => !namesOthers.includes(file))
      .flatMap((file) => [...text(file).matchAll(/'(@dta(?:-example)?\/[\w-]+)/g)].map(([, found = '']) => found));
    const known = [name, ...Object.keys({ ...dependencies, ...devDependencies })];
    expect(imported.filter((each) => each in graph.nodes && !known.includes(each))).toEqual([]);
  });

  test('finds what a change affects: those that import it, and the tests of the whole', async () => {
    const affected = async (file: string) => {
      const { stdout } = await nx('show', 'projects', '--affected', '-t', 'test', `--files=${file}`);
      return stdout.trim().split('\n');
    };
    const byCodec = await affected('libs/codec/src/cid.ts');
    expect(byCodec).toEqual(expect.arrayContaining(['@dta/codec', '@dta/envelope', '@dta/gateway', '@dta/e2e']));
    expect(byCodec).not.toContain('@dta/transport');
    expect(await affected('docs/protocol.md')).toEqual(['@dta/e2e']);
  });
});
