import { describe, expect, test } from '@jest/globals';
import { answerAtOnce, readCommandLine, tellFaults, type Command } from '../src/index.js';

const command: Command = {
  about: 'Does something.',
  usage: 'npm start --',
  options: {
    port: { takes: 'whole', least: 0, most: 65_535, value: 'port', default: '5556', meaning: 'where it answers' },
    data: { takes: 'path', value: 'folder', meaning: 'what it keeps' },
    kubo: { takes: 'address', value: 'url', meaning: 'where it publishes' },
    quiet: { takes: 'flag', meaning: 'says less' },
  },
};
const read = (...args: string[]) => readCommandLine(command.options, args);

describe('readCommandLine', () => {
  test('gives values in both forms, defaults and flags', () => {
    const { values, faults, asks } = read('--data', 'a folder', '--port=0', '--quiet');
    expect({ ...values }).toEqual({ port: '0', data: 'a folder', quiet: 'true', kubo: undefined });
    expect(faults).toEqual([]);
    expect(asks).toBeNull();
    expect(read().values['port']).toBe('5556');
  });

  test('names every fault at once', () => {
    const { faults } = read('--port', '65536', '--nope', 'x', '--data', '--kubo', 'ftp://a', 'y', '--quiet=1', '-p');
    expect(faults).toEqual([
      '--port takes a whole number from 0 to 65535',
      '--nope is not an option',
      '--data takes a path',
      '--kubo takes an http address without a password',
      'an argument belongs to no option',
      '--quiet takes no value',
      '-p is not an option',
    ]);
    expect(tellFaults(command, faults.slice(1, 3))).toBe(
      '--nope is not an option; --data takes a path; npm start -- --help lists what it takes',
    );
  });

  test.each([['--port', ''], ['--port', '1.5'], ['--port', '-1'], ['--port', '1e3'], ['--port'], ['--data=']])(
    'refuses %s %s',
    (...args) => expect(read(...args).faults).toHaveLength(1),
  );

  test.each([
    [['http://user:word@host'], 'an argument belongs to no option'],
    [['--quiet', 'http://user:word@host', 'and-more:word@host'], 'an argument belongs to no option'],
    [['=word@host'], 'an argument belongs to no option'],
    [['--', 'word@host'], 'an argument belongs to no option'],
    [['--kubohttp://user:word@host'], '--kubohttp is not an option'],
    [['-kubo', 'http://user:word@host'], '-kubo is not an option; an argument belongs to no option'],
  ])('does not repeat %j, which may be a password whose option was forgotten', (args, told) => {
    expect(read(...args).faults.join('; ')).toBe(told);
  });

  test('does not repeat a value, which may be a password', () => {
    const { faults } = read('--kubo', 'http://user:word@host', '--word=secret', '--port=hidden');
    expect(faults).toHaveLength(3);
    expect(faults.join(' ')).not.toMatch(/word@|secret|hidden/);
  });

  test('knows no option by a name that every object has', () => {
    expect(read('--constructor', 'x').faults).toEqual(['--constructor is not an option']);
  });
});

describe('answerAtOnce', () => {
  test('gives help and version whatever else stands there, and else nothing', () => {
    const help = answerAtOnce(command, '1.2.3', ['--nope', '--help']);
    expect(help).toContain('Usage: npm start -- [options]');
    for (const name of Object.keys(command.options)) expect(help).toContain(`--${name}`);
    expect(help).toContain('(5556)');
    expect(answerAtOnce(command, '1.2.3', ['-h'])).toBe(help);
    expect(answerAtOnce(command, '1.2.3', ['--version'])).toBe('D-TA 1.2.3');
    expect(answerAtOnce(command, '1.2.3', ['--port', '1'])).toBeNull();
  });
});
