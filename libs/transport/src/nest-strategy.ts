import { Catch, type RpcExceptionFilter } from '@nestjs/common';
import { Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
import { DtaError } from '@dta/errors';
import { firstValueFrom, isObservable, throwError, type Observable } from 'rxjs';
import type { Gate } from './gate.js';
import type { Answered, Handler, Served, Transport } from './transport.js';

/** How a {@link DtaTransportStrategy} is made. */
export interface StrategyOptions {
  /** Stays its owner's: the strategy ends what it serves, never the connection. */
  transport: Transport;
  group: string;
  gate: Gate;
  /** The gate of handlers marked `@MessagePattern(pattern, { waiter: true })`. */
  waiterGate: Gate;
  /** The subjects a pattern is served on. */
  subjects: (pattern: string) => readonly string[];
  /** Told of each message once it is answered, with the pattern that it came by. */
  observe?: (pattern: string, answered: Answered) => void;
}

/** What a Nest handler gets as `@Ctx()`. */
export interface MessageContext {
  /** The served subject the message came by. */
  readonly subject: string;
  /** For how long the message has been here, time at the gate included, in milliseconds. */
  ageMs(): number;
  /**
   * Waits as a handler that is marked `waiter` does: `task` takes a place among the waiters, and the message's place in work
   * is given up for good.
   *
   * @throws DtaError `busy`, `task` untouched and the place kept, where no more can wait; else what `task` throws
   */
  wait<T>(task: () => Promise<T>): Promise<T>;
}

/**
 * Serves the message handlers of a Nest application on a {@link Transport}. A handler gets the `TransportMessage` as
 * payload and gives bytes, or an observable of them. Install {@link DtaRpcExceptionFilter} in the same application.
 */
export class DtaTransportStrategy extends Server implements CustomTransportStrategy {
  readonly #options: StrategyOptions;
  readonly #served: Served[] = [];

  constructor(options: StrategyOptions) {
    super();
    this.#options = options;
  }

  /** Calls back when every subject is served, or with the first error, nothing being served then. */
  listen(callback: (error?: unknown) => void): void {
    this.#serveAll().then(() => callback(), callback);
  }

  /** Drains: settles when what was taken is answered, at the latest after the transport's drain limit. */
  async close(): Promise<void> {
    await Promise.all(this.#served.splice(0).map((served) => served.stop()));
  }

  /** The strategy has no events: connection and errors are reported where the transport is made. */
  on(): void {}

  unwrap<T>(): T {
    return this.#options.transport as T; // Nest's signature leaves the type to the caller
  }

  async #serveAll(): Promise<void> {
    try {
      for (const [pattern, handler] of this.messageHandlers) await this.#servePattern(pattern, handler);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async #servePattern(pattern: string, handler: MessageHandler): Promise<void> {
    const { transport, group, gate, waiterGate, subjects, observe } = this.#options;
    if (handler.isEventHandler === true) {
      throw new DtaError('start_failed', `${pattern} is an event handler: messages without a reply are not served`);
    }
    const chosen = handler.extras?.['waiter'] === true ? waiterGate : gate;
    for (const subject of subjects(pattern)) {
      const options = {
        ...{ group, gate: chosen },
        ...(observe !== undefined && { observe: (answered: Answered) => observe(pattern, answered) }),
      };
      this.#served.push(await transport.serve(subject, options, this.#invoke(handler, subject)));
    }
  }

  #invoke(handler: MessageHandler, subject: string): Handler {
    const { waiterGate } = this.#options;
    return async (message, { arrivedAt, leave }) => {
      const ageMs = () => performance.now() - arrivedAt;
      const wait = <T>(task: () => Promise<T>) =>
        waiterGate.run(() => {
          leave();
          return task();
        });
      const result: unknown = await handler(message, { subject, ageMs, wait } satisfies MessageContext);
      const bytes: unknown = isObservable(result) ? await firstValueFrom(result) : result;
      if (!(bytes instanceof Uint8Array)) throw new TypeError(`the handler of ${subject} gave no bytes`);
      return bytes;
    };
  }
}

/**
 * Lets what a handler throws reach the transport as it is. Without it Nest turns every error into
 * `{ status: 'error', message: 'Internal server error' }`, and callers see `internal`.
 */
@Catch()
export class DtaRpcExceptionFilter implements RpcExceptionFilter {
  catch(exception: unknown): Observable<never> {
    return throwError(() => exception);
  }
}
