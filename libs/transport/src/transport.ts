import type { ErrorCode } from '@dta/errors';
import type { Gate, Place } from './gate.js';

/** A message as a handler gets it. The bytes are the handler's own copy. */
export interface TransportMessage {
  readonly payload: Uint8Array;
  /** What the caller sent beside the payload, such as `traceparent`. Anyone can write them: never trust one. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Answers a message. A thrown `DtaError` reaches the caller by code, message and metadata; anything else thrown reaches it
 * as `internal`, with nothing of the cause.
 */
export type Handler = (message: TransportMessage, turn: Turn) => Promise<Uint8Array>;

/** A message's place in work, and since when it is here. */
export interface Turn extends Place {
  /** When it arrived, time at the gate included; by `performance.now()`. */
  readonly arrivedAt: number;
}

/** How a subject is served. */
export interface ServeOptions {
  /** Each message goes to one member of the group. */
  group: string;
  gate: Gate;
  /** Told of each message once it is answered, for metrics. */
  observe?: (answered: Answered) => void;
}

/** How one message was answered. */
export interface Answered {
  /** `ok`, or the code of the error that the caller got. */
  readonly code: 'ok' | ErrorCode;
  /** From its arrival, time at the gate included. */
  readonly seconds: number;
}

/** A subject being served. */
export interface Served {
  /** Takes no more messages; settles when what was taken is answered, at the latest after the drain limit. */
  stop(): Promise<void>;
}

/** How a request is sent. */
export interface RequestOptions {
  timeoutMs: number;
  /** Names are tokens of RFC 9110, values printable ASCII. */
  headers?: Record<string, string>;
}

/**
 * Request and reply between processes: binary, at most once, untrusted. A caller that needs more repeats itself, and its
 * handler is idempotent (docs/protocol.md section 5). Adapters: `connectNats`, `createMemoryBroker`.
 */
export interface Transport {
  /** What it is on: `nats` or `memory`. */
  readonly kind: string;

  /** Payload limit of one message, in bytes; headers count towards it. */
  readonly maxPayload: number;

  /**
   * Sends one message and gives its reply. The payload is copied: it may be wiped once this has returned its promise.
   *
   * @throws DtaError the handler's own code with metadata `remote: true` (`internal` with `remoteCode` where the code isn't
   * ours); `service_unavailable` at once where nobody serves the subject or there is no connection; `timeout`;
   * `too_large` before sending; `request_invalid` for a subject or header that can't be sent
   */
  request(subject: string, payload: Uint8Array, options: RequestOptions): Promise<Uint8Array>;

  /**
   * Serves a subject (no wildcards); settles when messages can arrive. A message without a reply subject is dropped.
   *
   * @throws DtaError `start_failed` where the server doesn't permit it; `service_unavailable` without a connection
   */
  serve(subject: string, options: ServeOptions, handler: Handler): Promise<Served>;

  connected(): boolean;

  /**
   * Whether messages of the size that the process needs can be sent now; for its readiness.
   *
   * @throws DtaError `service_unavailable`: no connection, or a server whose message limit was lowered since
   */
  assertUsable(): void;

  /**
   * Drains: no subject takes more messages, those in work finish and are answered, and requests still go out meanwhile.
   * At the drain limit what is unfinished is answered `service_unavailable`, then the connection ends.
   */
  close(): Promise<void>;
}
