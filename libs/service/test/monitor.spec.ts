import { afterEach, expect, test } from '@jest/globals';
import { createLogger, createMonitor, serveMonitors, type Monitor, type MonitorServer } from '../src/index.js';
import { Counter } from 'prom-client';

const logger = createLogger({ name: 'test', level: 'silent' });
const servers: MonitorServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function serve(...monitors: Monitor[]): Promise<string> {
  const server = await serveMonitors({ port: 0, host: '127.0.0.1', monitors, logger });
  servers.push(server);
  return `http://127.0.0.1:${server.port}`;
}

async function get(url: string, init?: RequestInit): Promise<{ status: number; type: string | null; text: string }> {
  const response = await fetch(url, init);
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
}

function count(monitor: Monitor, by: number): void {
  new Counter({ name: 'dta_things_total', help: 'Things', labelNames: ['kind'], registers: [monitor.registry] }).inc(
    { kind: 'small' },
    by,
  );
}

test("shows one role's metrics beside those of its process, and its health", async () => {
  const monitor = createMonitor('principal');
  count(monitor, 3);
  monitor.health.part('postgres', () => Promise.reject(new Error('away')));
  monitor.health.started();
  const url = await serve(monitor);
  const { status, type, text } = await get(`${url}/metrics`);
  expect([status, type]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
  expect(text).toContain('dta_things_total{kind="small",role="principal"} 3\n');
  expect(text).toContain('dta_part_up{part="postgres",role="principal"} 0\n');
  expect(text).toContain('dta_part_up{part="process",role="principal"} 1\n');
  expect(text).toMatch(/^process_start_time_seconds \d/m);
  expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds \d/m);
  expect(await get(`${url}/health/live`)).toMatchObject({ status: 200, text: '{"status":"ok"}\n' });
  const ready = await get(`${url}/health/ready`);
  expect([ready.status, JSON.parse(ready.text)]).toEqual([
    503,
    { ready: false, parts: { process: 'up', postgres: 'away (internal)' }, degraded: {} },
  ]);
});

test('shows several roles of one process, told apart', async () => {
  const monitors = ['fiduciary-1', 'fiduciary-2'].map((name) => createMonitor('fiduciary', name));
  for (const [at, monitor] of monitors.entries()) {
    monitor.registry.setDefaultLabels({ role: 'fiduciary', node: `node-${at + 1}` });
    count(monitor, at + 1);
  }
  monitors[0]?.health.started();
  const url = await serve(...monitors);
  const { text } = await get(`${url}/metrics`);
  expect(text).toContain('dta_things_total{kind="small",role="fiduciary",node="node-1"} 1\n');
  expect(text).toContain('dta_things_total{kind="small",role="fiduciary",node="node-2"} 2\n');
  expect(text.match(/^# TYPE dta_things_total counter$/gm)).toHaveLength(1); // as the format has it
  const ready = await get(`${url}/health/ready`);
  expect([ready.status, JSON.parse(ready.text)]).toEqual([
    503,
    { ready: false, parts: { 'fiduciary-1 process': 'up', 'fiduciary-2 process': 'starting' }, degraded: {} },
  ]);
});

test('has nothing else, and takes nothing', async () => {
  const url = await serve(createMonitor('gateway'));
  for (const path of ['/', '/metrics/', '/__proto__', '/v1/status']) {
    expect((await get(url + path)).status).toBe(404);
  }
  expect((await get(`${url}/metrics`, { method: 'POST', body: 'x' })).status).toBe(405);
  expect(await get(`${url}/health/live?probe=1`, { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
});

test('says that its port is taken', async () => {
  const monitors = [createMonitor('gateway')];
  const first = await serveMonitors({ port: 0, host: '127.0.0.1', monitors, logger });
  servers.push(first);
  await expect(serveMonitors({ port: first.port, host: '127.0.0.1', monitors, logger })).rejects.toMatchObject({
    code: 'start_failed',
    message: expect.stringMatching(/the port is in use$/),
  });
});
