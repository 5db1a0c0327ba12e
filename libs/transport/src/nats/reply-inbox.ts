import { randomBytes } from 'node:crypto';
import { DtaError } from '@dta/errors';
import type { Msg, NatsConnection } from 'nats';
import type { Reply } from '../error-reply.js';
import { noResponderError, startTimer, timeoutError } from '../request-errors.js';
import { isNoResponders, readHeaders, readPayload } from './received-message.js';

interface Pending {
  readonly subject: string;
  readonly settle: (outcome: Reply | DtaError) => void;
}

/**
 * One subscription for the replies to all requests of a connection. The library's own `request` isn't used: it parses a
 * reply's headers inside its reader, so one malformed reply from another operator would leave the connection deaf.
 */
export class ReplyInbox {
  readonly #prefix = `_INBOX.${randomBytes(16).toString('hex')}.`;
  readonly #pending = new Map<string, Pending>();
  #sent = 0;

  /** Subscribes; `onError` hears of a server that doesn't permit it. */
  constructor(connection: NatsConnection, onError: (error: unknown) => void) {
    connection.subscribe(`${this.#prefix}*`, {
      callback: (error, message) => {
        if (error === null) this.#receive(message);
        else onError(error);
      },
    });
  }

  /**
   * Waits for the reply to what `send` sends with the reply subject it is given.
   *
   * @throws DtaError `timeout`; `service_unavailable` where nobody serves the subject; whatever {@link fail} is given
   */
  expect(subject: string, timeoutMs: number, send: (replySubject: string) => void): Promise<Reply> {
    const token = (this.#sent++).toString(36);
    return new Promise((resolve, reject) => {
      const timer = startTimer(timeoutMs, () => settle(timeoutError(subject, timeoutMs)));
      const settle = (outcome: Reply | DtaError) => {
        timer.stop();
        this.#pending.delete(token);
        if (outcome instanceof DtaError) reject(outcome);
        else resolve(outcome);
      };
      this.#pending.set(token, { subject, settle });
      try {
        send(this.#prefix + token);
      } catch (cause) {
        settle(new DtaError('service_unavailable', 'the message could not be sent', { cause }));
      }
    });
  }

  /** Ends the requests that wait, of one subject where it is given. */
  fail(error: DtaError, subject?: string): void {
    for (const pending of this.#pending.values()) {
      if (subject === undefined || pending.subject === subject) pending.settle(error);
    }
  }

  #receive(message: Msg): void {
    const pending = this.#pending.get(message.subject.slice(this.#prefix.length));
    if (pending === undefined) return; // too late, or a second reply
    if (isNoResponders(message)) pending.settle(noResponderError(pending.subject));
    else pending.settle(readReply(message));
  }
}

function readReply(message: Msg): Reply | DtaError {
  try {
    return { payload: readPayload(message), headers: readHeaders(message) };
  } catch (cause) {
    return new DtaError('internal', 'the reply is malformed', { metadata: { remote: true }, cause });
  }
}
