import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A port on 127.0.0.1 behind which a service may go away, hang, and come back elsewhere. */
export interface Relay {
  /** Stays the same. */
  readonly port: number;
  /** New connections go there. */
  connectTo(port: number): void;
  /** Breaks all connections, and every new one at once. */
  cut(): void;
  /** Keeps connections open, takes new ones, and never carries anything over them again: as a machine that vanished. */
  hang(): void;
  stop(): Promise<void>;
}

/** Starts a relay to `target`. */
export async function startRelay(target: number): Promise<Relay> {
  let to: number | 'cut' | 'hang' = target;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket.once('close', () => sockets.delete(socket)).on('error', () => socket.destroy()));
    return socket;
  };
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (near) => {
    keep(near);
    if (to === 'cut') return void near.destroy();
    if (to === 'hang') return; // nobody ever reads from it
    const far = keep(connect({ port: to, host: '127.0.0.1', allowHalfOpen: true }));
    near.pipe(far).pipe(near);
    near.once('close', () => far.destroy());
    far.once('close', () => near.destroy());
    near.resume();
  });
  await new Promise<void>((listening, failed) => {
    server.once('error', failed).listen(0, '127.0.0.1', listening);
  });
  const breakAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port, // of TCP, as it listens
    connectTo: (port) => {
      to = port;
    },
    cut: () => {
      to = 'cut';
      breakAll();
    },
    hang: () => {
      to = 'hang';
      for (const socket of sockets) socket.unpipe().pause();
    },
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      breakAll();
      await closed;
    },
  };
}
