import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSources, runGo } from '../src/go-build.js';

// With the real Go, on a module of two packages.
jest.setTimeout(300_000);

const good = 'package main\n\nimport "example.org/tool/part"\n\nfunc main() { println(part.Name()) }\n';
const bad = good.replace('part.Name()', 'part.Nothing()');

let folder: string;
let sources: string;
let environment: NodeJS.ProcessEnv;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-go-'));
  sources = join(folder, 'sources');
  await mkdir(join(sources, 'part'), { recursive: true });
  await writeFile(join(sources, 'go.mod'), 'module example.org/tool\n\ngo 1.21\n');
  await writeFile(join(sources, 'part', 'part.go'), `package part\n\nfunc Name() string { return "${folder}" }\n`);
  await writeFile(join(sources, 'main.go'), good);
  environment = { ...process.env, GOTOOLCHAIN: 'local', GOMODCACHE: join(folder, 'modules') };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** What Go compiled afresh, of this module. */
async function build(main: string): Promise<string[]> {
  await writeFile(join(sources, 'main.go'), main);
  const compiled: string[] = [];
  const onLine = (line: string) => void (line.startsWith('example.org/') && compiled.push(line));
  await buildSources(sources, '.', join(folder, 'program'), { environment, onLine });
  return compiled;
}

describe('buildSources', () => {
  test('says each package that it compiles, and leaves the program alone behind', async () => {
    expect(await build(good)).toEqual(['example.org/tool/part', 'example.org/tool']);
    expect(await readdir(folder)).toEqual(expect.arrayContaining(['program', 'sources']));
    expect(existsSync(join(folder, 'program.src'))).toBe(false);
  });

  test("gives the compiler's last lines where it fails, and keeps what was compiled for the next try", async () => {
    await expect(build(bad)).rejects.toMatchObject({
      code: 'start_failed',
      message: expect.stringMatching(/main\.go:5:\d+: undefined: part\.Nothing/),
    });
    expect(existsSync(join(folder, 'program.src'))).toBe(false);
    expect(await build(good)).toEqual(['example.org/tool']);
  });
});

describe('runGo', () => {
  test('says that there is no Go', async () => {
    const without = { ...environment, PATH: folder };
    await expect(runGo(['version'], { environment: without })).rejects.toMatchObject({
      code: 'start_failed',
      message: 'there is no Go on the PATH',
    });
  });

  test('says that the module proxy is out of reach', async () => {
    const cut = { ...environment, GOPROXY: 'http://127.0.0.1:1', GOFLAGS: '-modcacherw' };
    const download = runGo(['mod', 'download', '-json', 'example.org/elsewhere@v1.0.0'], { environment: cut });
    await expect(download).rejects.toMatchObject({
      code: 'start_failed',
      message: expect.stringMatching(/^Go's module proxy can't be reached: [^]*127\.0\.0\.1:1/),
    });
  });

  test('is ended by its signal', async () => {
    const stop = new AbortController();
    const program = 'package main\n\nimport "time"\n\nfunc main() { println("runs"); time.Sleep(time.Hour) }\n';
    await writeFile(join(sources, 'main.go'), program);
    const running = runGo(['run', '.'], {
      environment,
      cwd: sources,
      signal: stop.signal,
      onLine: (line) => void (line === 'runs' && stop.abort()),
    });
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
  });
});
