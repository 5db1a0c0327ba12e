import { DtaError, isDtaError, toDtaError } from '@dta/errors';
import { encodeErrorReply, type Reply } from './error-reply.js';
import type { Gate } from './gate.js';
import { checkSize } from './message-rules.js';
import type { Answered, Handler, TransportMessage } from './transport.js';

/** What handlers and connections do wrong that no caller is told; `subject` where it concerns one. */
export type OnError = (error: unknown, subject?: string) => void;

/** How a {@link Responder} answers. */
export interface ResponderOptions {
  subject: string;
  gate: Gate;
  handler: Handler;
  maxPayload: () => number;
  drainMs: number;
  onError: OnError;
  observe?: ((answered: Answered) => void) | undefined;
}

/**
 * One served subject, the same behind every adapter: each message taken is answered exactly once, whatever the handler
 * does and whatever the bytes are.
 */
export class Responder {
  readonly #options: ResponderOptions;
  readonly #open = new Set<{ send: (reply: Reply) => void }>();
  #idle: (() => void) | undefined;
  #drained: Promise<void> | undefined;
  #abandoned = false;

  constructor(options: ResponderOptions) {
    this.#options = options;
  }

  /** Answers one message through `send`. Never throws; `read` may, when the message is malformed. */
  take(read: () => TransportMessage, send: (reply: Reply) => void): void {
    const message = { send };
    this.#open.add(message);
    const arrived = performance.now();
    void this.#answer(read, arrived).then(({ reply, code }) => {
      this.#settle(message, reply);
      this.#observe({ code, seconds: (performance.now() - arrived) / 1000 });
    });
  }

  /**
   * Settles when every message taken is answered; at the drain limit the rest get `service_unavailable`, and what still
   * waits at the gate is never begun.
   */
  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  async #drain(): Promise<void> {
    if (this.#open.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#options.drainMs);
        this.#idle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#abandoned = true;
    for (const message of this.#open) this.#settle(message, encodeErrorReply(stopping()));
  }

  async #answer(read: () => TransportMessage, arrivedAt: number): Promise<{ reply: Reply; code: Answered['code'] }> {
    const { gate, handler, maxPayload } = this.#options;
    try {
      const payload: unknown = await gate.run(async (place) => {
        if (this.#abandoned) throw stopping();
        return handler(read(), { ...place, arrivedAt });
      });
      if (!(payload instanceof Uint8Array)) throw new TypeError('a handler answers with bytes');
      checkSize(payload.length, maxPayload());
      return { reply: { payload, headers: {} }, code: 'ok' };
    } catch (error) {
      const known = toDtaError(error);
      // an `internal` of our own hides its cause from the caller, so it must be seen here
      if (!isDtaError(error) || (known.code === 'internal' && known.metadata['remote'] !== true)) this.#report(error);
      return { reply: encodeErrorReply(known), code: known.code };
    }
  }

  #settle(message: { send: (reply: Reply) => void }, reply: Reply): void {
    if (!this.#open.delete(message)) return; // answered at the drain limit
    try {
      message.send(reply);
    } catch (error) {
      this.#report(error);
    }
    if (this.#open.size === 0) this.#idle?.();
  }

  #observe(answered: Answered): void {
    try {
      this.#options.observe?.(answered);
    } catch (error) {
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    try {
      this.#options.onError(error, this.#options.subject);
    } catch {
      // a reporter that fails has nobody to report to, and must not cost the caller its reply
    }
  }
}

function stopping(): DtaError {
  return new DtaError('service_unavailable', 'the service is stopping');
}
