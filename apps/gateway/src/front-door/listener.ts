import { createServer } from 'node:http';
import { HTTP_BEYOND_WAIT_MS, HTTP_BODY_TIMEOUT_MS, HTTP_HEAD_TIMEOUT_MS, WAIT_MAX_SECONDS } from '@dta/contracts';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Express } from 'express';
import { limitConnections, type ConnectionLimits } from './connections.js';

/** How often Node looks for requests that are late: it is 30 s by default, which would add as much to every limit. */
const LATE_CHECK_MS = 1_000;
const KEEP_ALIVE_MS = 65_000;

/**
 * Nest's Express on a listener of ours: a client that sends or reads slowly doesn't hold a connection, and one that waits to be
 * asked for its body (`Expect: 100-continue`) is asked by the one that reads it. An answer comes within wait + 5 s by its
 * deadline. A path has one form: its case counts, and a slash at its end makes another.
 */
export class GatewayAdapter extends ExpressAdapter {
  readonly #limits: ConnectionLimits;

  constructor(limits: ConnectionLimits) {
    super();
    this.#limits = limits;
    // Express's own settings are for the making of its router, which Nest's adapter has done by now
    Object.assign(this.getInstance<Express>().router, { caseSensitive: true, strict: true });
  }

  override initHttpServer(): void {
    const server = createServer(
      {
        headersTimeout: HTTP_HEAD_TIMEOUT_MS,
        // the front door's own limit comes first, and answers by a problem document; this one is for bodies that nothing reads
        requestTimeout: HTTP_HEAD_TIMEOUT_MS + HTTP_BODY_TIMEOUT_MS + LATE_CHECK_MS,
        connectionsCheckingInterval: LATE_CHECK_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
      },
      this.getInstance<Parameters<typeof createServer>[1]>(), // an Express application is a listener of requests
    );
    server.timeout = WAIT_MAX_SECONDS * 1000 + 2 * HTTP_BEYOND_WAIT_MS;
    server.on('checkContinue', (request, response) => server.emit('request', request, response));
    limitConnections(server, this.#limits);
    this.httpServer = server;
  }
}
