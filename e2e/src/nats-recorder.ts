import { connect, type NatsConnection } from 'nats';
import type { NatsLogin } from '@dta/testkit';

/** One message as NATS carried it. */
export interface RecordedMessage {
  readonly subject: string;
  /** Where its sender waits for the answer: one inbox a process. */
  readonly reply: string;
  readonly payload: Uint8Array;
  readonly headers: string;
}

/** Everything that passes through NATS, from now on. */
export interface NatsRecorder {
  readonly messages: readonly RecordedMessage[];
  stop(): Promise<void>;
}

/** Listens to every subject of each account. With it, nobody is told any more that a subject has no responder. */
export async function recordNats(logins: readonly NatsLogin[]): Promise<NatsRecorder> {
  const messages: RecordedMessage[] = [];
  const connections: NatsConnection[] = [];
  for (const { url, user, password } of logins) {
    const login = { ...(user !== undefined && { user }), ...(password !== undefined && { pass: password }) };
    const connection = await connect({ servers: url, ...login });
    connections.push(connection);
    connection.subscribe('>', {
      callback: (_, { subject, reply, data, headers }) => {
        messages.push({ subject, reply: reply ?? '', payload: new Uint8Array(data), headers: String(headers ?? '') });
      },
    });
    await connection.flush();
  }
  return {
    messages,
    stop: async () => {
      for (const connection of connections) await connection.drain();
    },
  };
}
