import { describe, expect, test } from '@jest/globals';
import { randomBytes } from '@dta/crypto';
import { proportionCutoff, repetitionCutoff, startHealthTests } from '../src/random/health-tests.js';
import { BLOCK_BYTES, testedRandom } from '../src/random/tested-random.js';
import { refusal } from './refusal.js';

describe('cutoffs', () => {
  // jent_apt_cutoff_lookup and jent_apt_cutoff_permanent_lookup of Linux, crypto/jitterentropy.c: windows of 512, H = 1/n,
  // α = 2^-30 and 2^-60. Left out: n of 3 and 5 at 2^-30, where Linux is one above what exact arithmetic gives.
  test.each([
    [30, { 1: 325, 2: 422, 4: 477, 6: 494, 7: 499, 8: 502 }],
    [60, { 1: 355, 2: 447, 3: 479, 4: 494, 5: 502, 6: 507, 7: 510 }],
  ])('of adaptive proportion are those of Linux for α = 2^-%d', (falseAlarmBits, cutoffs) => {
    const computed = Object.keys(cutoffs).map((n) => [n, proportionCutoff(512, 1 / Number(n), falseAlarmBits)]);
    expect(Object.fromEntries(computed)).toEqual(cutoffs);
  });

  // the same file: "From an SP800-90B perspective, this RCT cutoff value is equal to 31", and to 61
  test.each([
    [30, 31],
    [60, 61],
  ])('of repetition count are those of Linux for α = 2^-%d', (falseAlarmBits, cutoff) => {
    expect(repetitionCutoff(1, falseAlarmBits)).toBe(cutoff);
  });

  test('are 8 in a row and 35 in a window for bytes of 6 bits, α = 2^-40', () => {
    expect(repetitionCutoff(6, 40)).toBe(8); // 1 + ⌈40 / 6⌉
    expect(proportionCutoff(512, 6, 40)).toBe(35);
    // P(X ≥ 35) ≤ 2^-40 < P(X ≥ 34) for X binomial of 512 trials at 1/64, in whole numbers
    const all = 64n ** 512n;
    expect(waysOf(35) * 2n ** 40n <= all).toBe(true);
    expect(waysOf(34) * 2n ** 40n > all).toBe(true);
  });
});

/** 64^512 times the probability of at least `least` successes in 512 trials at 1/64. */
function waysOf(least: number): bigint {
  let sum = 0n;
  let choose = 1n;
  for (let k = 0n; k <= 512n; k += 1n) {
    if (k >= least) sum += choose * 63n ** (512n - k);
    choose = (choose * (512n - k)) / (k + 1n);
  }
  return sum;
}

const counting = (length: number, begin = 0) => Uint8Array.from({ length }, (_, at) => begin + at);

describe('the health tests', () => {
  test('let good randomness pass: 4 MiB', () => {
    const tests = startHealthTests();
    for (let mebibytes = 0; mebibytes < 4; mebibytes += 1) expect(tests.fault(randomBytes(2 ** 20))).toBeNull();
  });

  test('find a byte 8 times in a row, not 7, also over the edge of two blocks', () => {
    expect(startHealthTests().fault(new Uint8Array(7))).toBeNull();
    expect(startHealthTests().fault(new Uint8Array(8))).toBe('repetition count');
    const tests = startHealthTests();
    expect(tests.fault(new Uint8Array(4))).toBeNull();
    expect(tests.fault(new Uint8Array(4))).toBe('repetition count');
  });

  test('find a byte that is a fifth of all, spread out', () => {
    const block = Uint8Array.from({ length: BLOCK_BYTES }, (_, at) => (at % 5 === 0 ? 7 : at));
    expect(startHealthTests().fault(block)).toBe('adaptive proportion');
  });

  test('count the first byte of a window 35 times in it, not 34, and anew in the next', () => {
    const withFirst = (times: number) =>
      Uint8Array.from({ length: 512 }, (_, at) => (at % 8 === 0 && at < times * 8 ? 0 : 1 + (at % 250)));
    expect(startHealthTests().fault(withFirst(34))).toBeNull();
    expect(startHealthTests().fault(withFirst(35))).toBe('adaptive proportion');
    const tests = startHealthTests();
    for (let windows = 0; windows < 4; windows += 1) expect(tests.fault(withFirst(34))).toBeNull();
  });
});

describe('tested randomness', () => {
  test('is what the source gives, each byte once, whatever lengths are asked for', async () => {
    const read: number[] = [];
    const given: number[] = [];
    const random = testedRandom(async (length) => {
      const block = randomBytes(length);
      read.push(...block);
      return block;
    });
    for (const length of [0, 1, 31, 4_000, 100, 9_000]) given.push(...(await random(length)));
    expect(given.length).toBe(13_132);
    expect(Buffer.from(given).equals(Buffer.from(read.slice(0, given.length)))).toBe(true);
  });

  test('is given to one only, though many ask at once', async () => {
    let blocks = 0;
    const random = testedRandom(async (length) => {
      blocks += 1;
      await new Promise((later) => setImmediate(later));
      return randomBytes(length);
    });
    const drawn = await Promise.all(Array.from({ length: 300 }, () => random(32)));
    expect(new Set(drawn.map((bytes) => Buffer.from(bytes).toString('hex'))).size).toBe(300);
    expect(blocks).toBe(Math.ceil((300 * 32) / BLOCK_BYTES));
  });

  test.each<[string, (length: number) => Uint8Array]>([
    ['repetition count', (length) => new Uint8Array(length).fill(0xa5)],
    ['adaptive proportion', (length) => randomBytes(length).map((byte) => byte & 0x07)],
    ['length', (length) => counting(length - 1)],
  ])('stops for good at a source that fails: %s', async (fault, source) => {
    const random = testedRandom(async (length) => source(length));
    const stopped = refusal('custody_unavailable', new RegExp(`health test \\(${fault}\\)`));
    await expect(random(32)).rejects.toThrow(stopped);
    await expect(random(1)).rejects.toThrow(stopped);
    await expect(random(0)).rejects.toThrow(stopped);
  });

  test('issues nothing of a block that fails, and all of those before it', async () => {
    let sound = true;
    const random = testedRandom(async (length) => (sound ? randomBytes(length) : new Uint8Array(length)));
    await random(BLOCK_BYTES - 10);
    sound = false;
    await expect(random(10)).resolves.toHaveLength(10);
    await expect(random(1)).rejects.toThrow(refusal('custody_unavailable'));
  });

  test('asks a source that was away again', async () => {
    let there = false;
    const random = testedRandom(async (length) => {
      if (!there) throw new Error('away');
      return randomBytes(length);
    });
    await expect(random(8)).rejects.toThrow('away');
    there = true;
    await expect(random(8)).resolves.toHaveLength(8);
  });
});
