import { expect, it } from '@jest/globals';
import { createHealth } from '../src/index.js';

it('is ready while every part is up', () => {
  const health = createHealth();
  expect(health.report()).toEqual({ ready: true, parts: {} });
  const database = health.part('database');
  const nats = health.part('nats');
  nats.up();
  expect(health.report()).toEqual({ ready: false, parts: { database: 'starting', nats: 'up' } });
  database.up();
  expect(health.report().ready).toBe(true);
  nats.down('no connection');
  expect(health.report()).toEqual({ ready: false, parts: { database: 'up', nats: 'no connection' } });
});

it('is not ready once it stops', () => {
  const health = createHealth();
  health.part('database').up();
  health.stopping();
  expect(health.report()).toEqual({ ready: false, parts: { database: 'up', process: 'stopping' } });
});
