import type { NestExpressApplication } from '@nestjs/platform-express';
import { traceIdOf, type Logger } from '@dta/service';
import type { Request, Response } from 'express';
import helmet from 'helmet';
import type { GatewayConfig } from '../config.js';
import type { GatewayMetrics } from '../gateway-metrics.js';
import type { Overload } from '../overload.js';
import { codeOf } from '../problem.js';
import { contextOf } from '../request-context.js';
import { bearerToken, ownMachineOnly } from './access.js';
import { oneAuthority } from './authority.js';
import { readJson, takenBody } from './json-body.js';
import { takenMethod } from './known-route.js';
import { middleware, type Check } from './middleware.js';
import { rateLimit } from './rate-limit.js';
import { nothingAfterTheLast } from './unread-body.js';

/** What every request passes before it meets a route, in this order: no body is parsed before its sender is let in. */
export function installFrontDoor(
  app: NestExpressApplication,
  config: GatewayConfig,
  logger: Logger,
  metrics: GatewayMetrics,
  overload: Overload,
): void {
  const { access, rateLimitPerMinute, trustProxyHops } = config;
  app.set('trust proxy', trustProxyHops);
  app.set('etag', false);
  app.use(nothingAfterTheLast);
  app.use(middleware(introduce(logger, metrics)));
  app.use(securityHeaders());
  app.use(middleware(rateLimit(rateLimitPerMinute)));
  app.use(middleware(oneAuthority));
  app.use(middleware(access === 'standalone' ? ownMachineOnly : bearerToken(access.tokenHashes)));
  app.use(middleware(takenMethod));
  app.use(middleware(takenBody));
  app.use(readJson);
  app.use(middleware(overload.check));
}

/** Names the request in its answer, and counts and logs it when it is answered: never its query, headers or bodies. */
function introduce(logger: Logger, metrics: GatewayMetrics): Check {
  return (request, response) => {
    const { requestId, traceparent, startedAt } = contextOf(request);
    response.set({ 'X-Request-Id': requestId, 'Cache-Control': 'no-store' });
    response.on('close', () => {
      const { method } = request;
      const { statusCode: status } = response;
      const route = routeOf(request);
      const isAnswered = response.writableFinished || response.locals['isSent'] === true;
      const code = isAnswered ? codeOf(response) : 'gone';
      const ms = Math.round(performance.now() - startedAt);
      metrics.http({ method, route: route ?? 'none', status, code, seconds: ms / 1000 });
      const order = orderOf(request, response);
      logger.info({ requestId, ...traceIdOf(traceparent), method, route, ...order, status, code, ms }, 'request');
    });
  };
}

/** The pattern that matched, never the path itself: anything may stand in one that isn't ours. */
function routeOf(request: Request): string | null {
  const route: unknown = request.route; // express types it as any
  return typeof route === 'object' && route !== null && 'path' in route ? String(route.path) : null;
}

/** The order that the request names, or that it made. */
function orderOf({ params }: Request, response: Response): { orderReference?: string } {
  const orderReference: unknown = params['orderReference'] ?? response.locals['orderReference'];
  return typeof orderReference === 'string' ? { orderReference: orderReference.slice(0, 64) } : {};
}

/** Helmet's, but for the upgrade of http to https: a node on an own machine has no certificate. */
function securityHeaders(): (request: Request, response: Response, next: () => void) => void {
  return helmet({ contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } } });
}
