import { expect, it, jest } from '@jest/globals';
import { DtaError } from '@dta/errors';
import { createHealth, remembered } from '../src/index.js';

const up = async () => undefined;
const away = async () => {
  throw new DtaError('service_unavailable', 'no connection to postgres://user:password@host');
};

it('is ready once it has started and every part that it needs is up', async () => {
  const health = createHealth();
  health.part('database', up);
  expect(await health.report()).toEqual({ ready: false, parts: { process: 'starting', database: 'up' }, degraded: {} });
  health.started();
  expect(await health.report()).toEqual({ ready: true, parts: { process: 'up', database: 'up' }, degraded: {} });
  health.part('nats', away);
  expect(await health.report()).toEqual({
    ready: false,
    parts: { process: 'up', database: 'up', nats: 'away (service_unavailable)' }, // no word of what the error says
    degraded: {},
  });
});

it('tells of a part that is away without which it works, and is ready', async () => {
  const health = createHealth();
  health.started();
  health.part('store', away, { needed: false });
  expect(await health.report()).toEqual({
    ready: true,
    parts: { process: 'up' },
    degraded: { store: 'away (service_unavailable)' },
  });
});

it('shows the reason that an error gives beside its code', async () => {
  const health = createHealth();
  health.part('database', async () => {
    throw new DtaError('service_unavailable', 'host', { metadata: { reason: 'SQLSTATE 25006' } });
  });
  expect((await health.report()).parts['database']).toBe('away (service_unavailable: SQLSTATE 25006)');
});

it('tells of a part in the words that it has itself', async () => {
  const health = createHealth();
  health.started();
  health.part('clock', async () => 'an hour behind', { needed: false });
  expect((await health.report()).degraded).toEqual({ clock: 'an hour behind' });
});

it('asks again after a second, though the clock was set back', async () => {
  const health = createHealth();
  let asked = 0;
  health.part('database', async () => (asked += 1));
  await health.report();
  let passed = 0;
  const monotonic = performance.now.bind(performance);
  const spies = [
    jest.spyOn(Date, 'now').mockReturnValue(0),
    jest.spyOn(performance, 'now').mockImplementation(() => monotonic() + passed),
  ];
  passed = 1_001;
  await health.report();
  for (const spy of spies) spy.mockRestore();
  expect(asked).toBe(2);
});

it('counts a part that does not answer within two seconds as away, and is not held up by it', async () => {
  const health = createHealth();
  health.part('hsm', () => new Promise(() => undefined));
  health.part('broken', () => Promise.reject(new TypeError('a defect')));
  const { parts } = await health.report();
  expect(parts).toMatchObject({ hsm: 'away (timeout)', broken: 'away (internal)' });
});

it('asks a part once for all who ask within a second', async () => {
  const health = createHealth();
  let asked = 0;
  health.part('database', async () => (asked += 1));
  await Promise.all([health.report(), health.report()]);
  await health.report();
  expect(asked).toBe(1);
});

it('is not ready once it stops, whatever comes after', async () => {
  const health = createHealth();
  health.started();
  health.stopping();
  health.started();
  expect(await health.report()).toEqual({ ready: false, parts: { process: 'stopping' }, degraded: {} });
});

it('remembers an outcome, a failure as well, for as long as it is told', async () => {
  let runs = 0;
  const task = remembered(
    async () => {
      runs += 1;
      if (runs === 1) throw new Error('the first one fails');
      return runs;
    },
    () => 40,
  );
  let now = performance.now();
  const clock = jest.spyOn(performance, 'now').mockImplementation(() => now);
  await expect(task()).rejects.toThrow('the first one fails');
  await expect(task()).rejects.toThrow('the first one fails');
  expect(runs).toBe(1);
  now += 39;
  await expect(task()).rejects.toThrow('the first one fails');
  now += 1;
  expect(await task()).toBe(2);
  clock.mockRestore();
});
