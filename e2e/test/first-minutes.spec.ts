import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { execFile, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../src/pages.js';
import { failToStart, processesAt, startStandalone } from '../src/standalone.js';

// What a person meets in the first minutes: help, faults of the command line, progress, the warning, a bad folder.
jest.setTimeout(300_000);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dta-first-minutes-'));
});
afterEach(async () => expect(await processesAt(folder)).toEqual([]));
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

function runScript(checkout: string, ...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    // a PATH without npm: an attempt to install would show
    const options = { cwd: checkout, env: { PATH: '/nonexistent' } };
    const child = execFile(process.execPath, args, options, (_, output, errors) =>
      resolve({ status: child.exitCode, output, errors }),
    );
  });
}

describe('a fresh clone, where nothing is installed or compiled', () => {
  let clone: string;
  beforeAll(async () => {
    clone = join(folder, 'clone');
    const tracked = await new Promise<string>((resolve, reject) => {
      execFile(
        'git',
        ['ls-files', '-co', '--exclude-standard', 'tools', 'libs', 'apps', 'e2e', 'package.json'],
        { cwd: ROOT },
        (error, text) => (error ? reject(error) : resolve(text)),
      );
    });
    for (const file of tracked.trim().split('\n')) {
      if (!/\.(mjs|json)$/.test(file)) continue;
      await cp(join(ROOT, file), join(clone, file));
    }
  });

  test.each([
    ['npm start', 'tools/start.mjs', []],
    ['npm run cluster', 'tools/run.mjs', ['cluster']],
  ])('%s answers --help and --version', async (_, script, first) => {
    const help = await runScript(clone, script, ...first, '--nope', '--help');
    expect(help).toMatchObject({ status: 0, errors: '' });
    expect(help.output).toContain('--fiduciaries <number>');
    const version = await runScript(clone, script, ...first, '--version');
    expect(version).toEqual({ status: 0, output: expect.stringMatching(/^D-TA \d+\.\d+\.\d+\n$/), errors: '' });
    expect(await readdir(clone)).not.toContain('node_modules');
  });

  test.each([
    ['npm start', 'tools/start.mjs', []],
    ['npm run cluster', 'tools/run.mjs', ['cluster']],
  ])('%s names all faults of its command line at once', async (_, script, first) => {
    const { status, output, errors } = await runScript(
      clone,
      script,
      ...first,
      '--port',
      '70000',
      '--fiduciaries',
      '33',
      '--nope',
    );
    expect(status).toBe(78);
    expect(output).toBe('');
    expect(errors).toMatch(/--port takes .*; --fiduciaries takes .*; --nope is not an option; npm .* --help/);
    expect(await readdir(clone)).not.toContain('node_modules');
  });
});

describe('a step of a script', () => {
  test('that prints nothing is said to run until it ends, and its status is given on', async () => {
    // it ends when the line has come: its parent makes the file that it waits for
    const file = join(folder, 'heard');
    const step = `const { existsSync } = require('node:fs'); const look = () => { if (existsSync(${JSON.stringify(file)})) process.exit(3); setTimeout(look, 20); }; look();`;
    const script = `
      import { writeFileSync } from 'node:fs';
      import { openProgress } from ${JSON.stringify(join(ROOT, 'libs/service/src/progress.mjs'))};
      import { startStep } from ${JSON.stringify(join(ROOT, 'tools/process.mjs'))};
      const tell = openProgress({ quietMs: 20, write: (text) => { process.stdout.write(text); writeFileSync(${JSON.stringify(file)}, ''); } });
      console.log('status', await startStep('waiting for the file', process.execPath, ['-e', ${JSON.stringify(step)}], {}, { tell }).ended);`;
    const scriptFile = join(folder, 'step.mjs');
    await writeFile(scriptFile, script);
    const { status, output } = await runScript(ROOT, scriptFile);
    expect(output).toMatch(/^\[ *\d+\.\d s\] waiting for the file: \d+ s so far\n[^]*status 3\n$/);
    expect(status).toBe(0);
  });

  test('passes on what it prints, on both outputs, and a signal', async () => {
    const scriptFile = join(folder, 'signal.mjs');
    const step = `console.log('out'); console.error('err'); setInterval(() => {}, 1000);`;
    await writeFile(
      scriptFile,
      `import { run } from ${JSON.stringify(join(ROOT, 'tools/process.mjs'))};
       await run('waiting', process.execPath, ['-e', ${JSON.stringify(step)}]);`,
    );
    const child = spawn(process.execPath, [scriptFile], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { out: '', err: '' };
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    await new Promise<void>((resolve) => {
      const look = () => (said.out.includes('out') && said.err.includes('err') ? resolve() : undefined);
      child.stdout.on('data', (text: Buffer) => ((said.out += text.toString()), look()));
      child.stderr.on('data', (text: Buffer) => ((said.err += text.toString()), look()));
    });
    child.kill('SIGTERM');
    expect(await ended).toBe(128 + 15);
  });
});

describe('npm start', () => {
  test('says once, in words and before it is ready, that software custody protects nothing', async () => {
    const data = join(folder, 'node');
    const node = await startStandalone('--port', '0', '--data', data);
    const { output, errors } = await node.end('SIGTERM');
    const [before = '', after = ''] = output.split('D-TA is ready');
    const warning = /^Warning: custody is software\. Whoever can read \S+ can open every secret/gm;
    expect(before.match(warning)).toHaveLength(1);
    expect(before).toContain(data);
    expect(after).not.toMatch(/software/i);
    expect(output + errors).not.toMatch(/^\{/m); // no line of a log
    expect(after).toMatch(/\] stopping\n[^]*\] stopped\n$/);
  });

  // Node's own recursive mkdir never ends below /proc
  test.each(['/proc/nope', '/proc/nope/deeper', '/dev/null/folder', '/proc/self/fd/folder'])(
    'says that it can not use --data %s',
    async (data) => {
      const { status, errors } = await failToStart('--port', '0', '--data', data);
      expect(errors).toMatch(
        new RegExp(`^dta can't start: cannot use ${data}: E[A-Z]+; give another folder with --data`),
      );
      expect(errors.trim().split('\n')).toHaveLength(1);
      expect(status).toBe(78);
    },
  );

  test('makes the folders above --data, too', async () => {
    const data = join(folder, 'several', 'above', 'node');
    await mkdir(join(folder, 'several'));
    await (await startStandalone('--port', '0', '--data', data)).end('SIGTERM');
    expect(await readdir(data)).toContain('README');
  });
});
