import { describe, expect, test } from '@jest/globals';
import { startFailure } from '../src/start-failure.js';

describe('startFailure', () => {
  test.each([
    [
      'FATAL:  could not write lock file "postmaster.pid": No space left on device\n',
      /the disk that holds \/srv\/pg is full$/,
    ],
    [
      'PANIC:  could not write to file "pg_wal/xlogtemp.9": Disk quota exceeded',
      /the disk that holds \/srv\/pg is full$/,
    ],
    [
      'LOG:  starting\n2026-01-01 UTC [7] FATAL:  lock file is empty\nHINT: wait',
      /did not start in \/srv\/pg: lock file is empty$/,
    ],
    [
      'initdb: error: could not create directory "/srv/pg/x": Permission denied\n',
      /: could not create directory .*Permission denied$/,
    ],
    ['', /: it ended without a word$/],
  ])('%j', (output, message) => {
    const error = startFailure('/srv/pg', output);
    expect(error.code).toBe('start_failed');
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('\n');
  });
});
