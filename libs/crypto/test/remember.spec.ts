import { expect, test } from '@jest/globals';
import { remember } from '../src/remember.js';
import { hex } from './bytes.js';

test('makes once, forgets the oldest, and never remembers a throw', () => {
  const made: string[] = [];
  const twice = remember(2, (bytes) => {
    const name = Buffer.from(bytes).toString('hex');
    made.push(name);
    if (name === 'ff') throw new Error('refused');
    return `${name}${name}`;
  });
  expect([twice(hex('01')), twice(hex('01')), twice(hex('02')), twice(hex('01'))]).toEqual([
    '0101',
    '0101',
    '0202',
    '0101',
  ]);
  expect(made).toEqual(['01', '02']);
  expect(twice(hex('03'))).toBe('0303');
  expect([twice(hex('02')), twice(hex('01'))]).toEqual(['0202', '0101']);
  expect(made).toEqual(['01', '02', '03', '01']);
  expect(() => twice(hex('ff'))).toThrow('refused');
  expect(() => twice(hex('ff'))).toThrow('refused');
  expect(made.slice(-2)).toEqual(['ff', 'ff']);
});
