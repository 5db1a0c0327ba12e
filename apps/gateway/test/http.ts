import { createHash } from 'node:crypto';
import { request, type IncomingHttpHeaders } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { createLogger } from '@dta/service';
import { startGateway, type GatewayConfig, type GatewayParts, type RunningGateway } from '../src/index.js';
import { beneficiary, fiduciary, principal, startFakeRoles, type FakeRoles } from './fake-roles.js';

export const token = 'a-token-that-no-log-may-show';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON. */
  readonly body: Record<string, unknown>;
}

export interface Call {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly json?: unknown;
  readonly raw?: string | Uint8Array;
}

/** A real gateway before fakes of its roles. */
export interface Setup {
  readonly gateway: RunningGateway;
  readonly roles: FakeRoles;
  /** All lines it has logged. */
  log(): string;
  http(path: string, call?: Call): Promise<Reply>;
  stop(): Promise<void>;
}

/** SHA-256 [32] of a token, as a gateway knows it. */
export function hashOf(text: string): Uint8Array {
  return createHash('sha256').update(text).digest();
}

export async function startSetup(
  changes: Partial<GatewayConfig> = {},
  parts: Pick<GatewayParts, 'monitor' | 'now'> = {},
): Promise<Setup> {
  const roles = await startFakeRoles();
  const lines: string[] = [];
  const config: GatewayConfig = {
    port: 0,
    host: '127.0.0.1',
    nats: { servers: [] },
    gatewayName: 'gateway',
    principal,
    cursorKeys: [principal.psk],
    beneficiary,
    fiduciaries: [fiduciary],
    access: { tokenHashes: [hashOf(token)] },
    rateLimitPerMinute: 60_000,
    trustProxyHops: 0,
    connections: { max: 10_000, perClient: 1_000 },
    logLevel: 'trace',
    monitor: null,
    ...changes,
  };
  const logger = createLogger({
    ...{ name: 'gateway', level: config.logLevel },
    destination: { write: (line) => void lines.push(line) },
  });
  const gateway = await startGateway(config, { ...parts, transport: roles.transport, logger });
  const isOpen = config.access === 'standalone';
  return {
    ...{ gateway, roles, log: () => lines.join('') },
    http: (path, call = {}) => {
      const authorization = isOpen ? {} : { Authorization: `Bearer ${token}` };
      return send(gateway.port, path, { ...call, headers: { ...authorization, ...call.headers } });
    },
    stop: async () => {
      await gateway.stop();
      await roles.close();
    },
  };
}

/** What `/health/ready` answers once it `holds`: what the roles said may be a second old. */
export async function readinessWith(setup: Setup, holds: (reply: Reply) => boolean): Promise<Reply> {
  for (const limit = performance.now() + 30_000; ; await delay(50)) {
    const reply = await setup.http('/health/ready');
    if (holds(reply)) return reply;
    if (performance.now() > limit) throw new Error(`it did not come about: ${reply.text}`);
  }
}

/** node:http rather than fetch: a Host header and a path are sent as they are given. */
export function send(port: number, path: string, { method, headers = {}, json, raw }: Call = {}): Promise<Reply> {
  const payload = raw ?? (json === undefined ? undefined : JSON.stringify(json));
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        ...{ host: '127.0.0.1', port, path, agent: false },
        method: method ?? (payload === undefined ? 'GET' : 'POST'),
        headers: {
          ...(payload !== undefined && {
            'Content-Type': 'application/json',
            'Content-Length': String(Buffer.byteLength(payload)),
          }),
          ...headers,
        },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const isJson = /json/.test(incoming.headers['content-type'] ?? '');
          resolve({
            ...{ status: incoming.statusCode ?? 0, headers: incoming.headers, text },
            body: isJson ? (JSON.parse(text) as Record<string, unknown>) : {}, // checked by the test
          });
        });
      },
    );
    outgoing.on('error', reject);
    if (payload !== undefined) outgoing.write(payload);
    outgoing.end();
  });
}
