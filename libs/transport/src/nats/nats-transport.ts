import { setTimeout as delay } from 'node:timers/promises';
import { DtaError } from '@dta/errors';
import { headers as natsHeaders, type MsgHdrs, type NatsConnection, type Subscription } from 'nats';
import { decodeErrorReply, type Reply } from '../error-reply.js';
import { checkHeaders, checkSize, checkSubject, messageSize } from '../message-rules.js';
import { checkTimeLeft, closedError, disconnectedError } from '../request-errors.js';
import { Responder, type OnError } from '../responder.js';
import type { Handler, RequestOptions, Served, ServeOptions, Transport } from '../transport.js';
import { readHeaders, readPayload } from './received-message.js';
import { ReplyInbox } from './reply-inbox.js';

/** `disconnected` is followed by `connected` again, or by `closed`. */
export type NatsStatus = 'connected' | 'disconnected' | 'closed';

/** What a {@link NatsTransport} needs beside its connection. */
export interface NatsTransportOptions {
  minPayload: number;
  drainMs: number;
  onError: OnError;
  onStatus: (status: NatsStatus) => void;
}

/** How long the end of a subscription, or the last flush, may take where the server doesn't answer. */
const goodbyeMs = 2_000;

/** The transport on an established NATS connection. Made by `connectNats`. */
export class NatsTransport implements Transport {
  readonly kind = 'nats';
  readonly #connection: NatsConnection;
  readonly #options: NatsTransportOptions;
  readonly #inbox: ReplyInbox;
  readonly #served = new Set<Served>();
  #status: NatsStatus = 'connected';
  #closing: Promise<void> | undefined;

  constructor(connection: NatsConnection, options: NatsTransportOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#inbox = new ReplyInbox(connection, (error) => this.#lostInbox(error));
    void this.#watch();
    void connection.closed().then((error) => this.#ended(error));
  }

  get maxPayload(): number {
    return this.#connection.info?.max_payload ?? this.#options.minPayload; // no info while it connects again
  }

  async request(subject: string, payload: Uint8Array, options: RequestOptions): Promise<Uint8Array> {
    const { timeoutMs, headers = {} } = options;
    checkSubject(subject);
    checkHeaders(headers);
    checkTimeLeft(subject, timeoutMs);
    this.#mustBeConnected();
    checkSize(messageSize(payload, headers), this.maxPayload);
    const sent = new Uint8Array(payload); // the library sends on a later tick
    const reply = await this.#inbox.expect(subject, timeoutMs, (replySubject) =>
      this.#connection.publish(subject, sent, { reply: replySubject, ...encodeHeaders(headers) }),
    );
    const error = decodeErrorReply(reply);
    if (error !== undefined) throw error;
    return reply.payload;
  }

  async serve(subject: string, { group, gate, observe }: ServeOptions, handler: Handler): Promise<Served> {
    checkSubject(subject);
    checkSubject(group);
    this.#mustBeConnected();
    if (this.#closing !== undefined) throw closedError();
    const { drainMs, onError } = this.#options;
    const responder = new Responder({
      ...{ subject, gate, handler, observe },
      ...{ maxPayload: () => this.maxPayload, drainMs, onError },
    });
    let refusal: Error | undefined;
    const subscription = this.#connection.subscribe(subject, {
      queue: group,
      callback: (error, message) => {
        if (error !== null) {
          refusal = error;
          onError(error, subject);
          return;
        }
        const { reply } = message;
        if (reply === undefined || reply === '') return;
        responder.take(
          () => ({ payload: readPayload(message), headers: readHeaders(message) }),
          (answer) => this.#answer(reply, answer),
        );
      },
    });
    await this.#confirm(subscription, () => refusal);
    const served = {
      stop: async () => {
        await Promise.race([ended(subscription), delay(goodbyeMs, undefined, { ref: false })]);
        await responder.drain();
        this.#served.delete(served);
      },
    };
    this.#served.add(served);
    return served;
  }

  connected(): boolean {
    return this.#status === 'connected';
  }

  assertUsable(): void {
    this.#mustBeConnected();
    const { maxPayload } = this;
    const { minPayload } = this.#options;
    if (maxPayload >= minPayload) return;
    throw new DtaError('service_unavailable', 'the NATS server takes smaller messages than are needed', {
      metadata: { maxPayload, minPayload, reason: `max_payload ${maxPayload}, needed ${minPayload}` },
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#served].map((served) => served.stop()));
    const flushed = this.#connection.flush().catch(() => undefined); // a lost connection has nothing left to send
    await Promise.race([flushed, delay(goodbyeMs, undefined, { ref: false })]);
    await this.#connection.close();
  }

  #mustBeConnected(): void {
    if (this.#status === 'closed') throw closedError();
    if (this.#status === 'disconnected') throw disconnectedError();
  }

  #answer(replySubject: string, { payload, headers }: Reply): void {
    if (this.#connection.isClosed()) return;
    this.#connection.publish(replySubject, payload, encodeHeaders(headers)); // sent before any other task runs
  }

  /** The server answers a subscription it doesn't permit before the flush that follows it. */
  async #confirm(subscription: Subscription, refusal: () => Error | undefined): Promise<void> {
    try {
      await this.#connection.flush();
    } catch (cause) {
      subscription.unsubscribe();
      throw new DtaError('service_unavailable', 'the connection to the message broker was lost', { cause });
    }
    const cause = refusal();
    if (cause !== undefined) {
      const subject = subscription.getSubject();
      throw new DtaError('start_failed', `the NATS server does not permit serving ${subject}`, { cause });
    }
  }

  async #watch(): Promise<void> {
    for await (const { type, data, permissionContext } of this.#connection.status()) {
      if (type === 'disconnect') this.#disconnected();
      else if (type === 'reconnect') this.#reconnected();
      else if (type === 'error') {
        const { operation, subject } = permissionContext ?? {};
        if (operation === 'publish') this.#inbox.fail(notPermitted(subject), subject);
        if (operation !== 'subscription') this.#options.onError(new Error(`NATS: ${String(data)}`), subject);
      }
    }
  }

  #disconnected(): void {
    if (this.#status === 'closed') return;
    this.#status = 'disconnected';
    this.#inbox.fail(disconnectedError());
    this.#options.onStatus('disconnected');
  }

  #reconnected(): void {
    if (this.#status === 'closed') return;
    this.#status = 'connected';
    this.#options.onStatus('connected');
    if (this.maxPayload < this.#options.minPayload) {
      this.#options.onError(payloadLimitError(this.maxPayload, this.#options.minPayload));
    }
  }

  #ended(error: void | Error): void {
    this.#status = 'closed';
    this.#inbox.fail(closedError());
    if (error instanceof Error) this.#options.onError(error);
    this.#options.onStatus('closed');
  }

  #lostInbox(error: unknown): void {
    this.#inbox.fail(new DtaError('service_unavailable', 'the NATS server does not permit receiving replies'));
    this.#options.onError(error);
  }
}

/** A server whose message limit is below what the process must be able to send. */
export function payloadLimitError(maxPayload: number, minPayload: number): DtaError {
  const message = `the NATS server takes messages of ${maxPayload} bytes, ${minPayload} are needed: raise its max_payload`;
  return new DtaError('start_failed', message, { metadata: { maxPayload, minPayload } });
}

function notPermitted(subject: string | undefined): DtaError {
  return new DtaError('forbidden', `the NATS server does not permit sending to ${subject ?? 'the subject'}`);
}

function encodeHeaders(entries: Readonly<Record<string, string>>): { headers?: MsgHdrs } {
  if (Object.keys(entries).length === 0) return {};
  const encoded = natsHeaders();
  for (const [name, value] of Object.entries(entries)) encoded.set(name, value);
  return { headers: encoded };
}

/** Ends a subscription; settles when what the server had already sent has been taken. */
async function ended(subscription: Subscription): Promise<void> {
  await subscription.drain().catch(() => undefined); // already ended, or the connection is
}
