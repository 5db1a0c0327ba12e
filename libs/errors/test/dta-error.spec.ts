import { describe, expect, test } from '@jest/globals';
import { DtaError, errorCodes, isDtaError, isErrorCode, toDtaError } from '@dta/errors';

describe('DtaError', () => {
  const cause = new Error('connection string with a password');
  const error = new DtaError('terms_invalid', 'threshold 4 is above 3', { metadata: { threshold: 4 }, cause });

  test('carries code, message, metadata and cause', () => {
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'DtaError',
      code: 'terms_invalid',
      message: 'threshold 4 is above 3',
      metadata: { threshold: 4 },
    });
    expect(error.cause).toBe(cause);
  });

  test('lets neither cause nor stack out of the process', () => {
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      code: 'terms_invalid',
      message: 'threshold 4 is above 3',
      metadata: { threshold: 4 },
    });
  });

  test('has empty metadata and no cause where none is given', () => {
    const plain = new DtaError('busy', 'try later');
    expect(plain.metadata).toEqual({});
    expect('cause' in plain).toBe(false);
  });
});

describe('isDtaError', () => {
  const error = new DtaError('busy', 'try later');

  test('knows ours, by code where codes are given', () => {
    expect(isDtaError(error)).toBe(true);
    expect(isDtaError(error, 'timeout', 'busy')).toBe(true);
    expect(isDtaError(error, 'timeout')).toBe(false);
  });

  test.each([new Error('busy'), { name: 'DtaError', code: 'busy' }, 'busy', null, undefined])('refuses %p', (other) => {
    expect(isDtaError(other)).toBe(false);
  });
});

describe('toDtaError', () => {
  test('leaves ours as it is', () => {
    const error = new DtaError('timeout', 'no answer');
    expect(toDtaError(error)).toBe(error);
  });

  test.each([new Error('password 1234'), 'password 1234', null, undefined])(
    'makes %p an internal error that tells nothing outside',
    (fault) => {
      const error = toDtaError(fault);
      expect(error.code).toBe('internal');
      expect(error.cause).toBe(fault);
      expect(JSON.stringify(error)).not.toContain('1234');
    },
  );
});

describe('error codes', () => {
  test('are listed once each, in lower case', () => {
    expect(new Set(errorCodes).size).toBe(errorCodes.length);
    for (const code of errorCodes) expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
  });

  test('are told from other text', () => {
    for (const code of errorCodes) expect(isErrorCode(code)).toBe(true);
    for (const other of ['', 'BUSY', 'busy ', 'constructor', 'length', 0, null, undefined, ['busy']]) {
      expect(isErrorCode(other)).toBe(false);
    }
  });
});
