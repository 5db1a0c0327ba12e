import { expect, test } from '@jest/globals';
import { assertNotAhead } from '@dta/identity';
import { NOW } from './node.js';
import { refusal } from './refusal.js';

const SKEW_MS = 120_000; // docs/protocol.md §2

test('a document may be dated 120 s ahead, and not a millisecond more', () => {
  expect(() => assertNotAhead(NOW + SKEW_MS, NOW)).not.toThrow();
  expect(() => assertNotAhead(NOW + SKEW_MS + 1, NOW)).toThrow(refusal('time_ahead'));
});

test('a document may be as old as it is', () => {
  expect(() => assertNotAhead(0, NOW)).not.toThrow();
});
