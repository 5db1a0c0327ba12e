import { randomInt } from 'node:crypto';
import type { DtaError } from '@dta/errors';
import { decodeErrorReply, type Reply } from '../error-reply.js';
import { checkHeaders, checkSize, checkSubject, messageSize } from '../message-rules.js';
import { checkTimeLeft, closedError, noResponderError, startTimer, timeoutError } from '../request-errors.js';
import { Responder, type OnError } from '../responder.js';
import type { Handler, RequestOptions, Served, ServeOptions, Transport } from '../transport.js';

/** How a {@link MemoryBroker} is made. */
export interface MemoryBrokerOptions {
  /** Payload limit of one message, in bytes; 2 MiB by default, as in our NATS configurations. */
  maxPayload?: number;
}

/** How a process connects to a {@link MemoryBroker}. */
export interface MemoryConnectOptions {
  /** Drain limit in milliseconds; 25,000 by default. */
  drainMs?: number;
  onError?: OnError;
}

/** A broker within one process: for standalone, and for tests of what must hold on NATS as well. */
export interface MemoryBroker {
  connect(options?: MemoryConnectOptions): Transport;
  /** Delivers every message whose subject `matches` twice, the second reply dropped; gives what ends it. */
  duplicate(matches: (subject: string) => boolean): () => void;
}

interface Member {
  readonly group: string;
  readonly responder: Responder;
}

/** Bytes are copied at send and at reply, delivered on a later tick, to one random member of each group. */
export function createMemoryBroker({ maxPayload = 2 * 1024 * 1024 }: MemoryBrokerOptions = {}): MemoryBroker {
  const members = new Map<string, Set<Member>>();
  const duplicated = new Set<(subject: string) => boolean>();
  return {
    connect: (options = {}) => new MemoryTransport({ maxPayload, members, duplicated }, options),
    duplicate(matches) {
      duplicated.add(matches);
      return () => duplicated.delete(matches);
    },
  };
}

interface BrokerState {
  readonly maxPayload: number;
  readonly members: Map<string, Set<Member>>;
  readonly duplicated: ReadonlySet<(subject: string) => boolean>;
}

class MemoryTransport implements Transport {
  readonly kind = 'memory';
  readonly maxPayload: number;
  readonly #broker: BrokerState;
  readonly #drainMs: number;
  readonly #onError: OnError;
  readonly #served = new Set<Served>();
  readonly #pending = new Set<(error: DtaError) => void>();
  #closing: Promise<void> | undefined;
  #open = true;

  constructor(broker: BrokerState, { drainMs = 25_000, onError = () => undefined }: MemoryConnectOptions) {
    this.maxPayload = broker.maxPayload;
    this.#broker = broker;
    this.#drainMs = drainMs;
    this.#onError = onError;
  }

  async request(subject: string, payload: Uint8Array, options: RequestOptions): Promise<Uint8Array> {
    const { timeoutMs, headers = {} } = options;
    if (!this.#open) throw closedError();
    checkSubject(subject);
    checkHeaders(headers);
    checkTimeLeft(subject, timeoutMs);
    checkSize(messageSize(payload, headers), this.maxPayload);
    const sent = new Uint8Array(payload);
    const reply = await new Promise<Reply>((resolve, reject) => {
      const settled = () => {
        timer.stop();
        this.#pending.delete(fail);
      };
      const fail = (error: DtaError) => {
        settled();
        reject(error);
      };
      const timer = startTimer(timeoutMs, () => fail(timeoutError(subject, timeoutMs)));
      this.#pending.add(fail);
      setImmediate(() => {
        const deliver = () => this.#deliver(subject, sent, headers, (answer) => (settled(), resolve(answer)));
        if (!deliver()) fail(noResponderError(subject));
        else if ([...this.#broker.duplicated].some((matches) => matches(subject))) deliver();
      });
    });
    const error = decodeErrorReply(reply);
    if (error !== undefined) throw error;
    return reply.payload;
  }

  async serve(subject: string, { group, gate, observe }: ServeOptions, handler: Handler): Promise<Served> {
    if (!this.#open || this.#closing !== undefined) throw closedError();
    checkSubject(subject);
    checkSubject(group);
    const responder = new Responder({
      ...{ subject, gate, handler, observe },
      ...{ maxPayload: () => this.maxPayload, drainMs: this.#drainMs, onError: this.#onError },
    });
    const member = { group, responder };
    const all = this.#broker.members.get(subject) ?? new Set();
    this.#broker.members.set(subject, all.add(member));
    const served = {
      stop: async () => {
        all.delete(member);
        await responder.drain();
        this.#served.delete(served);
      },
    };
    this.#served.add(served);
    return served;
  }

  connected(): boolean {
    return this.#open;
  }

  assertUsable(): void {
    if (!this.#open) throw closedError();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#served].map((served) => served.stop()));
    this.#open = false;
    for (const fail of this.#pending) fail(closedError());
  }

  #deliver(
    subject: string,
    sent: Uint8Array,
    headers: Record<string, string>,
    answer: (reply: Reply) => void,
  ): boolean {
    const members = [...(this.#broker.members.get(subject) ?? [])];
    const groups = new Set(members.map((member) => member.group));
    for (const group of groups) {
      const candidates = members.filter((member) => member.group === group);
      const message = { payload: new Uint8Array(sent), headers: { ...headers } };
      candidates[randomInt(candidates.length)]?.responder.take(
        () => message,
        (reply) => {
          const copy = { payload: new Uint8Array(reply.payload), headers: reply.headers };
          setImmediate(() => answer(copy));
        },
      );
    }
    return groups.size > 0;
  }
}
