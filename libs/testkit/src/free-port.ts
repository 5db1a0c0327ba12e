import { createServer } from 'node:net';
import { DtaError } from '@dta/errors';

/** A port of 127.0.0.1 that nobody uses now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === 'object' && address !== null) resolve(address.port);
        else reject(new DtaError('start_failed', 'no free port on 127.0.0.1'));
      });
    });
  });
}
