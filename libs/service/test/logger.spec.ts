import { expect, it } from '@jest/globals';
import { createLogger, nestLogger, type LogLevel } from '../src/index.js';

const recorded = (level?: LogLevel) => {
  const lines: Record<string, unknown>[] = [];
  const read = (line: string) => JSON.parse(line) as Record<string, unknown>; // pino writes objects
  const destination = { write: (line: string) => void lines.push(read(line)) };
  return { lines, logger: createLogger({ name: 'node', destination, ...(level !== undefined && { level }) }) };
};

it('writes lines of JSON with name, level, time and fields', () => {
  const { lines, logger } = recorded();
  logger.info({ requestId: 'r', orderReference: 'o' }, 'order placed');
  logger.debug('not at this level');
  expect(lines).toEqual([
    expect.objectContaining({ name: 'node', level: 'info', requestId: 'r', orderReference: 'o', msg: 'order placed' }),
  ]);
  expect(Date.parse(String(lines[0]?.['time']))).toBeGreaterThan(0);
});

it('hides what is a secret by its name, also two objects deep', () => {
  const { lines, logger } = recorded();
  const hidden = { token: 'SECRET', psk: 'SECRET', nested: { password: 'SECRET', more: { plainText: 'SECRET' } } };
  logger.info({ ...hidden, secret: new Uint8Array([83]), caller: { token: 'SECRET' } }, 'x');
  logger.child({ authorization: 'SECRET' }).info('y');
  expect(JSON.stringify(lines)).not.toContain('SECRET');
  expect(lines[0]).toMatchObject({
    token: '[hidden]',
    secret: '[hidden]',
    nested: { more: { plainText: '[hidden]' } },
  });
});

it('tells an error with its stack and cause', () => {
  const { lines, logger } = recorded();
  logger.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'failed');
  expect(JSON.stringify(lines[0]?.['err'])).toMatch(/outer.*inner/);
});

it("takes Nest's lines, the chatter of its start as debug", () => {
  const { lines, logger } = recorded('debug');
  const nest = nestLogger(logger);
  nest.log('Nest application successfully started', 'NestApplication');
  nest.error(new Error('broken'), 'stack', 'Module');
  nest.warn('careful');
  expect(lines).toMatchObject([
    { level: 'debug', context: 'NestApplication', msg: 'Nest application successfully started' },
    { level: 'error', context: 'Module', msg: 'broken', err: { message: 'broken' } },
    { level: 'warn', msg: 'careful' },
  ]);
});
