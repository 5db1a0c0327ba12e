import type { Server } from 'node:http';
import { networkOf } from './client-address.js';

/** How often it is told that connections were refused. */
const TELL_AGAIN_MS = 60_000;

/** How many connections may be open. */
export interface ConnectionLimits {
  readonly max: number;
  /** of one address, of IPv6 of one network of 64 bits */
  readonly perClient: number;
  /** told once a minute at most that some were refused */
  readonly refused: () => void;
}

/** Closes each connection beyond the limits as it comes, before a byte of it is read. */
export function limitConnections(server: Server, { max, perClient, refused }: ConnectionLimits): void {
  const open = new Map<string, number>();
  let toldAt = -Infinity;
  const tell = () => {
    if (performance.now() - toldAt < TELL_AGAIN_MS) return;
    toldAt = performance.now();
    refused();
  };
  server.maxConnections = max;
  server.on('drop', tell);
  server.on('connection', (socket) => {
    const client = networkOf(socket.remoteAddress ?? '');
    const count = open.get(client) ?? 0;
    if (count >= perClient) {
      socket.destroy();
      tell();
      return;
    }
    open.set(client, count + 1);
    socket.once('close', () => {
      const left = (open.get(client) ?? 1) - 1;
      if (left === 0) open.delete(client);
      else open.set(client, left);
    });
  });
}
