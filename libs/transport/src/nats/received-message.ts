import { DtaError } from '@dta/errors';
import type { Msg } from 'nats';

/**
 * The headers of a received message, the first value of each.
 *
 * @throws DtaError `request_invalid` for headers the client library can't parse: it parses when they are first read, and
 * what it throws inside its reader would leave the connection deaf
 */
export function readHeaders(message: Msg): Readonly<Record<string, string>> {
  try {
    return Object.fromEntries([...(message.headers ?? [])].map(([name, values]) => [name, values[0] ?? '']));
  } catch (cause) {
    throw new DtaError('request_invalid', 'the headers of the message are malformed', { cause });
  }
}

/** Whether the server answers in the place of a service that isn't there (NATS status 503). */
export function isNoResponders(message: Msg): boolean {
  try {
    return message.data.length === 0 && message.headers?.code === 503;
  } catch {
    return false; // malformed headers are no status
  }
}

/** The payload as plain bytes of our own: the library gives a view of what it read from the socket. */
export function readPayload(message: Msg): Uint8Array {
  return new Uint8Array(message.data);
}
