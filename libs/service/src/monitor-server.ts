import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DtaError } from '@dta/errors';
import { AggregatorRegistry, collectDefaultMetrics, Registry } from 'prom-client';
import { z } from 'zod';
import { settings } from './config.js';
import type { HealthReport } from './health.js';
import type { Logger } from './logger.js';
import type { Monitor } from './monitor.js';

/** Settings of where a process shows its metrics and health. */
export const monitorSettings = {
  METRICS_PORT: settings
    .integer(0, 65_535)
    .optional()
    .describe('port of `/metrics`, `/health/live` and `/health/ready`; 0: a free one; none: they are off'),
  METRICS_HOST: z.string().default('127.0.0.1').describe('address that they listen on: it asks for no token'),
};

/** Where a process shows what can be seen of it. */
export interface MonitorServerOptions {
  /** 0: a free one */
  readonly port: number;
  readonly host: string;
  /** One, or one of each role that lives in the process. */
  readonly monitors: readonly Monitor[];
  readonly logger: Logger;
}

/** A look at the event loop takes 0.05 to 0.09 ms of CPU: at prom-client's 10 ms, an idle process spends most of its time so. */
const LOOP_LOOK_MS = 100;

/** A server of metrics and health that listens. */
export interface MonitorServer {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Serves `/metrics` (Prometheus's text format), `/health/live` and `/health/ready` over plain HTTP, to whoever reaches
 * the port: nothing there names an order or holds a secret.
 *
 * @throws DtaError `start_failed` where it can't listen
 */
export async function serveMonitors({ port, host, monitors, logger }: MonitorServerOptions): Promise<MonitorServer> {
  const own = new Registry();
  collectDefaultMetrics({ register: own, eventLoopMonitoringPrecision: LOOP_LOOK_MS });
  const pages: Readonly<Record<string, () => Promise<Page>>> = {
    '/metrics': async () => ({ status: 200, type: own.contentType, text: await metricsOf(own, monitors) }),
    '/health/live': async () => json(200, { status: 'ok' }),
    '/health/ready': async () => {
      const report = await readinessOf(monitors);
      return json(report.ready ? 200 : 503, report);
    },
  };
  const server = createServer((request, response) => {
    answer(pages, request, response).catch((error: unknown) => {
      logger.error({ err: error }, 'metrics or health could not be shown');
      response.destroy();
    });
  });
  server.headersTimeout = 5_000;
  server.requestTimeout = 5_000;
  await listen(server, port, host);
  const listening = (server.address() as AddressInfo).port; // an AddressInfo once it listens on TCP
  logger.info({ host, port: listening }, 'metrics and health are shown');
  return {
    port: listening,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections(); // a scrape is lost at worst
      }),
  };
}

interface Page {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

async function answer(
  pages: Readonly<Record<string, () => Promise<Page>>>,
  { method, url = '' }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = url.split('?', 1).join('');
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  const isRead = method === 'GET' || method === 'HEAD';
  const { status, type, text } =
    page === undefined ? json(404, { status: 'not found' }) : isRead ? await page() : json(405, { status: 'GET only' });
  response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store', ...(!isRead && { Allow: 'GET' }) });
  response.end(method === 'HEAD' ? undefined : text);
}

function json(status: number, body: object): Page {
  return { status, type: 'application/json', text: `${JSON.stringify(body)}\n` };
}

/** The process's own metrics, then those of all roles in it: one family a name, the roles told apart by their labels. */
async function metricsOf(own: Registry, monitors: readonly Monitor[]): Promise<string> {
  const families = await Promise.all(monitors.map(({ registry }) => registry.getMetricsAsJSON()));
  return `${await own.metrics()}\n${await AggregatorRegistry.aggregate(families).metrics()}`;
}

/** Of one monitor its report; of several all reports in one, each part by the name of whom it belongs to. */
async function readinessOf(monitors: readonly Monitor[]): Promise<HealthReport> {
  const reports = await Promise.all(
    monitors.map(async ({ name, health }) => ({ name, report: await health.report() })),
  );
  const [only] = reports;
  if (reports.length === 1 && only !== undefined) return only.report;
  const all = (of: 'parts' | 'degraded') =>
    Object.fromEntries(
      reports.flatMap(({ name, report }) =>
        Object.entries(report[of]).map(([part, state]) => [`${name} ${part}`, state]),
      ),
    );
  return { ready: reports.every(({ report }) => report.ready), parts: all('parts'), degraded: all('degraded') };
}

async function listen(server: Server, port: number, host: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const inUse = 'code' in cause && cause.code === 'EADDRINUSE' ? ': the port is in use' : '';
      reject(new DtaError('start_failed', `metrics can't be shown on ${host}:${port}${inUse}`, { cause }));
    });
    server.listen(port, host, resolve);
  });
}
