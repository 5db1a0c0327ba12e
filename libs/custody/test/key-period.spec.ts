import { describe, expect, test } from '@jest/globals';
import { keyPeriod, periodKey } from '@dta/custody';

const WEEK_MS = 604_800_000;

describe('key periods', () => {
  test('are a week from 1970 on', () => {
    expect([0, WEEK_MS - 1, WEEK_MS, 52 * WEEK_MS + 1].map((now) => keyPeriod(now))).toEqual([0, 0, 1, 52]);
  });

  test('are as long as asked', () => {
    expect(keyPeriod(10_500, 1_000)).toBe(10);
  });

  test('name their key', () => {
    expect(periodKey(2_900)).toBe('period-2900');
  });

  test.each([-1, 1.5, NaN, Infinity])('have no number %d', (n) => {
    expect(() => periodKey(n)).toThrow(RangeError);
  });
});
