import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { DtaError } from '@dta/errors';

/** Below those that the system gives to whoever asks for any (32768 and up on Linux), which one may have before it is used. */
const [LOWEST, BEYOND] = [20_000, 32_000];
const ATTEMPTS = 100;

/** A port of 127.0.0.1 that nobody uses now. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(LOWEST, BEYOND);
    if (await isFree(port)) return port;
  }
  throw new DtaError('start_failed', `no free port of 127.0.0.1 from ${LOWEST} to ${BEYOND - 1}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
