import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { token } from './http.js';

/** A connection on which a test says byte by byte what it likes. */
export interface Wire {
  readonly socket: Socket;
  /** all that came so far */
  text(): string;
  /** settles once the gateway has closed the connection: with all that came */
  readonly closed: Promise<string>;
  /** settles once what came matches: with all of it */
  until(pattern: RegExp): Promise<string>;
}

/** Opens a connection and sends `first`. */
export function wire(port: number, first: string | Uint8Array): Wire {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let text = '';
  let isClosed = false;
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.on('error', () => undefined); // a test looks at what came, and whether it was closed
  const closed = new Promise<string>((resolve) => {
    socket.on('close', () => {
      isClosed = true;
      resolve(text);
    });
  });
  socket.write(first);
  return {
    ...{ socket, text: () => text, closed },
    until: async (pattern) => {
      while (!pattern.test(text)) {
        if (isClosed) throw new Error(`closed after: ${text}`);
        await delay(5);
      }
      return text;
    },
  };
}

/** The head of a request with the token, its lines as given. */
export function head(start: string, ...lines: readonly string[]): string {
  return [`${start} HTTP/1.1`, `Authorization: Bearer ${token}`, ...lines, '', ''].join('\r\n');
}

/** Sends one request on a connection of its own, and gives its answer whole. */
export async function ask(
  port: number,
  request: string | Uint8Array,
): Promise<{ status: number; text: string; code: string }> {
  const { closed, socket, until } = wire(port, request);
  await until(/\r\n\r\n/);
  socket.end();
  const text = await closed;
  return { status: statusIn(text), text, code: /"code":"(\w+)"/.exec(text)?.[1] ?? '' };
}

/** The status of the last answer in what came. */
export function statusIn(text: string): number {
  return Number([...text.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].at(-1)?.[1]);
}
