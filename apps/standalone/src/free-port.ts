import { DtaError } from '@dta/errors';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Says at once that a port is taken, before anything is made or started. Somebody may still take it afterwards; then the
 * gateway says so.
 *
 * @throws `start_failed`
 */
export async function assertPortFree(port: number): Promise<void> {
  const probe = createServer().listen(port, '127.0.0.1');
  try {
    await once(probe, 'listening');
  } catch (cause) {
    throw new DtaError(
      'start_failed',
      `port ${port} is in use, or this user may not use it: give another with --port`,
      { cause },
    );
  }
  probe.close();
  await once(probe, 'close');
}
