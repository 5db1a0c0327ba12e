import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { DtaError } from '@dta/errors';
import { connect, credsAuthenticator, NatsError, type ConnectionOptions, type NatsConnection } from 'nats';
import type { OnError } from '../responder.js';
import type { Transport } from '../transport.js';
import { NatsTransport, payloadLimitError, type NatsStatus } from './nats-transport.js';

/** How a process connects to NATS. */
export interface NatsOptions {
  /** `nats://host:port` or `tls://host:port`, any of one cluster; where one is `tls://`, all must speak TLS. */
  servers: string[];
  user?: string;
  password?: string;
  /** The text of a `.creds` file. */
  credentials?: string;
  /** How the connection is called in the server's monitoring. */
  name?: string;
  /** The message size, in bytes, the process must be able to send; a server that takes less is refused. */
  minPayload: number;
  /** How long the first connection may take, in milliseconds; 10,000 by default. */
  connectTimeoutMs?: number;
  /** Drain limit in milliseconds; 25,000 by default. */
  drainMs?: number;
  onError?: OnError;
  onStatus?: (status: NatsStatus) => void;
}

/**
 * Connects to NATS. Once connected, a lost connection is made again for ever, with jitter; meanwhile requests fail at once
 * with `service_unavailable`.
 *
 * @throws DtaError `start_failed`: no server reached within `connectTimeoutMs`, credentials refused, or the server's
 * `max_payload` below `minPayload`
 */
export async function connectNats(options: NatsOptions): Promise<Transport> {
  const { minPayload, drainMs = 25_000, onError = () => undefined, onStatus = () => undefined } = options;
  const connection = await firstConnection(options);
  const maxPayload = connection.info?.max_payload ?? 0;
  if (maxPayload < minPayload) {
    await connection.close();
    throw payloadLimitError(maxPayload, minPayload);
  }
  return new NatsTransport(connection, { minPayload, drainMs, onError, onStatus });
}

async function firstConnection(options: NatsOptions): Promise<NatsConnection> {
  const { connectTimeoutMs = 10_000 } = options;
  const end = performance.now() + connectTimeoutMs;
  for (;;) {
    try {
      return await connect(connectionOptions(options, Math.min(5_000, Math.max(end - performance.now(), 1))));
    } catch (cause) {
      if (cause instanceof NatsError && cause.isAuthError())
        throw startError(options, 'refused the credentials', cause);
      const pause = randomInt(100, 300);
      if (performance.now() + pause >= end) {
        throw startError(options, `could not be reached${byTls(cause)} within ${connectTimeoutMs} ms`, cause);
      }
      await delay(pause);
    }
  }
}

function connectionOptions(options: NatsOptions, timeout: number): ConnectionOptions {
  const { servers, user, password, credentials, name } = options;
  return {
    servers,
    timeout,
    ...(user !== undefined && { user }),
    ...(password !== undefined && { pass: password }),
    ...(credentials !== undefined && { authenticator: credsAuthenticator(new TextEncoder().encode(credentials)) }),
    ...(name !== undefined && { name }),
    ...(servers.some((server) => server.startsWith('tls://')) && { tls: {} }), // the library would go on in plain
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true, // an operator may be changing the accounts
    reconnectDelayHandler: () => randomInt(250, 2_000),
    pingInterval: 10_000, // a server that is gone without a word is noticed in 30 s
    noAsyncTraces: true,
  };
}

/** What is wrong with TLS, where that is the cause: ` by TLS (reason)`. */
function byTls(cause: unknown): string {
  for (let error: unknown = cause; error instanceof Error; error = nextCause(error)) {
    const code = 'code' in error ? String(error.code) : '';
    const isOfTls = /CERT|ISSUER|SELF_SIGNED|^ERR_(TLS|SSL|OSSL)|SECURE_CONN_REQ/.test(code);
    if (isOfTls || /\b(ssl|tls|certificate)\b/i.test(error.message)) return ` by TLS (${error.message})`;
  }
  return '';
}

function nextCause(error: Error): unknown {
  return error instanceof NatsError ? error.chainedError : error.cause;
}

function startError({ servers }: NatsOptions, what: string, cause: unknown): DtaError {
  const hosts = servers.map((server) => server.replace(/^.*@/, '')); // an address may hold a password
  return new DtaError('start_failed', `NATS at ${hosts.join(', ')} ${what}`, { cause });
}
