import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { openProgress, QUIET_MS } from '../src/index.js';

const LONGEST_SILENCE_MS = 10_000;

let lines: { at: number; text: string }[];
const begin = () => {
  const from = performance.now();
  return openProgress({ write: (text) => lines.push({ at: performance.now() - from, text }) });
};

beforeEach(() => {
  jest.useFakeTimers();
  lines = [];
});
afterEach(() => void jest.useRealTimers());

describe('during', () => {
  test('says what runs and for how long, never more than ten seconds apart', async () => {
    const progress = begin();
    let percent = 0;
    const task = progress.during(
      'compiling',
      () => new Promise<string>((resolve) => setTimeout(() => resolve('done'), 60_000)),
      () => `${(percent += 10)} %`,
    );
    await jest.advanceTimersByTimeAsync(60_000);
    expect(await task).toBe('done');
    const times = [0, ...lines.map(({ at }) => at), 60_000];
    for (const [i, at] of times.slice(1).entries()) expect(at - (times[i] ?? 0)).toBeLessThan(LONGEST_SILENCE_MS);
    expect(lines[1]?.text).toMatch(/^\[ 16\.0 s\] compiling: 16 s so far, 20 %\n$/);
  });

  test('is silent after its end, also by an error', async () => {
    const progress = begin();
    await expect(progress.during('failing', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await jest.advanceTimersByTimeAsync(60_000);
    expect(lines).toEqual([]);
  });

  test('waits anew after each line, of its own or of another', async () => {
    const progress = begin();
    const task = progress.during('testing', () => new Promise<void>((resolve) => setTimeout(resolve, 3 * QUIET_MS)));
    await jest.advanceTimersByTimeAsync(QUIET_MS - 1);
    progress.heard();
    await jest.advanceTimersByTimeAsync(QUIET_MS - 1);
    expect(lines).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(lines).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(2 * QUIET_MS);
    await task;
  });

  test('tells the innermost of several', async () => {
    const progress = begin();
    const waits = (ms: number) => () => new Promise<void>((resolve) => setTimeout(resolve, ms));
    const task = progress.during('starting', () => progress.during('starting PostgreSQL', waits(QUIET_MS + 1)));
    await jest.advanceTimersByTimeAsync(QUIET_MS + 1);
    await task;
    expect(lines.map(({ text }) => text)).toEqual([expect.stringContaining('starting PostgreSQL')]);
  });
});
