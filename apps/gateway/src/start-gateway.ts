import 'reflect-metadata';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { DRAIN_MS, INTERNAL_CALL_MAX_BYTES } from '@dta/contracts';
import type { OpenApiDocument } from '@dta/contracts/rest';
import { DtaError } from '@dta/errors';
import { createLogger, createMonitor, nestLogger, type Logger, type Monitor } from '@dta/service';
import { connectNats, type Transport } from '@dta/transport';
import { EventStreams } from './api/event-streams.js';
import { OrderCursors } from './api/order-cursor.js';
import { LiveOpenApi } from './api/live-openapi.js';
import { AboutGateway } from './api/node.controller.js';
import { AnswerInterceptor } from './api/route.js';
import type { GatewayConfig } from './config.js';
import { installFrontDoor } from './front-door/front-door.js';
import { GatewayAdapter } from './front-door/listener.js';
import { createGatewayMetrics } from './gateway-metrics.js';
import { GatewayModule } from './gateway.module.js';
import { Overload } from './overload.js';
import { ProblemFilter } from './problem.js';
import { RoleCalls } from './role-calls.js';
import { RoleStatuses } from './role-statuses.js';

/** What a gateway may be handed instead of making it. */
export interface GatewayParts {
  /** Stays its owner's: the gateway doesn't close it. */
  readonly transport?: Transport;
  readonly logger?: Logger;
  /** Where it tells what can be seen of it; one that nobody looks at by default. */
  readonly monitor?: Monitor;
  /** Unix ms; the system's clock by default */
  readonly now?: () => number;
}

/** A gateway that listens. */
export interface RunningGateway {
  readonly port: number;
  /** Takes no more requests; settles when those in flight are answered, at the latest after 25 s. */
  stop(): Promise<void>;
}

/**
 * Starts a gateway; settles when it listens, whether or not its roles are there yet.
 *
 * @throws DtaError `start_failed` where it can't listen, or NATS can't be reached
 */
export async function startGateway(config: GatewayConfig, parts: GatewayParts = {}): Promise<RunningGateway> {
  const logger = parts.logger ?? createLogger({ name: 'gateway', level: config.logLevel });
  const { registry, health } = parts.monitor ?? createMonitor('gateway');
  const metrics = createGatewayMetrics(registry);
  const transport = parts.transport ?? (await connect(config, logger));
  health.part(transport.kind, async () => transport.assertUsable());
  const calls = new RoleCalls({ transport, logger, config, metrics, now: parts.now ?? Date.now });
  health.part('clock', async () => calls.clockFault, { needed: false });
  const isStandalone = config.access === 'standalone';
  const statuses = new RoleStatuses(calls);
  const openApi = new LiveOpenApi(statuses, { asksToken: !isStandalone });
  const cursors = new OrderCursors(config.cursorKeys);
  const overload = new Overload();
  const streams = new EventStreams((open) => metrics.streams(open));
  const app = await NestFactory.create<NestExpressApplication>(
    GatewayModule.of(calls, statuses, new AboutGateway(health, isStandalone), streams, openApi, cursors, overload),
    new GatewayAdapter({
      ...config.connections,
      ...(config.trustProxyHops > 0 && { perClient: Infinity }), // all come from the proxy
      refused: () => logger.warn('connections beyond the limit were refused'),
    }),
    { bodyParser: false, logger: nestLogger(logger), abortOnError: false },
  );
  installFrontDoor(app, config, logger, metrics, overload);
  app.useGlobalFilters(new ProblemFilter(logger));
  app.useGlobalInterceptors(new AnswerInterceptor());
  serveDocs(app, openApi);
  const server = app.getHttpServer() as Server; // our adapter makes node's own server
  const close = async () => {
    await app.close();
    if (parts.transport === undefined) await transport.close();
  };
  const port = await listen(app, server, config, close);
  health.started();
  logger.info({ host: config.host, port }, 'the gateway listens');
  return {
    port,
    stop: async () => {
      health.stopping();
      streams.stop();
      await closeServer(server);
      await close();
      logger.info('the gateway has stopped');
    },
  };
}

function connect({ nats, gatewayName }: GatewayConfig, logger: Logger): Promise<Transport> {
  const { servers, user, password, credentials } = nats;
  return connectNats({
    servers,
    name: `dta ${gatewayName}`,
    minPayload: INTERNAL_CALL_MAX_BYTES,
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    ...(credentials !== undefined && { credentials }),
    onError: (error) => logger.error({ err: error }, 'NATS'),
    onStatus: (status) => logger.info({ status }, 'NATS'),
  });
}

/** Swagger UI from our own dependencies: nothing is loaded from elsewhere, and no script stands in the page. */
function serveDocs(app: NestExpressApplication, openApi: LiveOpenApi): void {
  const theirs = (document: OpenApiDocument) => document as unknown as OpenAPIObject; // 3.1 by our own generator; their type is of 3.0
  SwaggerModule.setup('docs', app, theirs(openApi.newest), {
    raw: false,
    customSiteTitle: 'D-TA',
    patchDocumentOnRequest: async () => theirs(await openApi.document()),
    swaggerOptions: { validatorUrl: null, supportedSubmitMethods: ['get', 'post'] },
  });
}

async function listen(
  app: NestExpressApplication,
  server: Server,
  { port, host }: GatewayConfig,
  close: () => Promise<void>,
): Promise<number> {
  try {
    await app.listen(port, host);
  } catch (cause) {
    await close();
    const inUse = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
    const reason = inUse ? ': the port is in use' : '';
    throw new DtaError('start_failed', `the gateway can't listen on ${host}:${port}${reason}`, { cause });
  }
  return (server.address() as AddressInfo).port; // an AddressInfo once it listens on TCP
}

/** Idle connections go at once, busy ones with their answer, whatever is left at the drain limit. */
async function closeServer(server: Server): Promise<void> {
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const drain = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  try {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  } finally {
    clearInterval(sweep);
    clearTimeout(drain);
  }
}
