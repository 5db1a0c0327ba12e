import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const program = fileURLToPath(new URL('./run-main-program.js', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the program in one of its ways; sends it each signal as soon as it has written the word before it. */
function run(way: string, signals: readonly (readonly [word: string, NodeJS.Signals])[] = []): Promise<Ended> {
  const child = spawn(process.execPath, [program, way]);
  const waiting = [...signals];
  let [out, err] = ['', ''];
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    const [next] = waiting;
    if (next !== undefined && out.includes(next[0])) {
      waiting.shift();
      child.kill(next[1]);
    }
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}

describe('runMain', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('stops at %s, having drained', async (signal) => {
    const { code, out, err } = await run('well', [['started', signal]]);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/started[^]*stopped/);
  });

  it('ends at once at a second signal', async () => {
    const { code, out } = await run('slow-stop', [
      ['started', 'SIGTERM'],
      ['stopping', 'SIGINT'],
    ]);
    expect(code).toBe(130);
    expect(out).not.toContain('stopped');
  });

  it('tells a start that it is to end, and ends well once that has cleared up', async () => {
    const { code, out, err } = await run('heedful-start', [['starting', 'SIGTERM']]);
    expect([code, err, out]).toEqual([0, '', 'starting\ncleared up\n']);
  });

  it('stops what a start gave that was not to be ended half-way', async () => {
    const { code, out, err } = await run('whole-start', [['starting', 'SIGINT']]);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/starting\nstopping\nstopped/);
  });

  it('gives a start that hears nothing no longer than a stop', async () => {
    const { code, out } = await run('deaf-start', [['starting', 'SIGTERM']]);
    expect(code).toBe(1);
    expect(out).toContain('the stop took more than 200 ms');
  });

  it('tells of a start that fails by itself while it is to end', async () => {
    const { code, err } = await run('failing-start', [['starting', 'SIGTERM']]);
    expect([code, err]).toEqual([1, "node can't start: no port\n"]);
  });

  it('ends at once at a second signal also in a start', async () => {
    const { code, out } = await run('deaf-start-slow', [
      ['starting', 'SIGTERM'],
      ['stopping asked', 'SIGINT'],
    ]);
    expect([code, out.includes('stop took')]).toEqual([130, false]);
  });

  it('ends a stop that takes too long', async () => {
    const { code, out } = await run('endless-stop', [['started', 'SIGTERM']]);
    expect(code).toBe(1);
    expect(out).toContain('the stop took more than 200 ms');
  });

  it('tells of a stop that fails', async () => {
    const { code, out } = await run('bad-stop', [['started', 'SIGTERM']]);
    expect([code, out.includes('the stop failed')]).toEqual([1, true]);
  });

  it('says in one sentence why it can not start', async () => {
    const { code, err } = await run('bad-configuration');
    expect(code).toBe(78);
    expect(err).toBe("node can't start: the configuration is not valid: PORT: is missing (configuration_invalid)\n");
    const other = await run('bad-start');
    expect([other.code, other.err]).toEqual([1, "node can't start: no port\n"]);
  });

  it('tells more where it is asked to', async () => {
    const { err } = await run('bad-start-verbose');
    expect(err).toMatch(/no port\n.*at [^]*caused by Error: EADDRINUSE/);
  });

  it.each([
    ['exception', 'an exception that nobody caught'],
    ['rejection', 'a rejection that nobody handled'],
  ])('logs an uncaught %s and ends', async (way, sentence) => {
    const { code, out } = await run(way);
    expect(code).toBe(1);
    expect(out).toMatch(/"level":"fatal"/);
    expect(out).toContain(sentence);
    expect(out).toContain('out of nowhere');
  });
});
