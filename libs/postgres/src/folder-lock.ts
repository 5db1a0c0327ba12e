import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { DtaError } from '@dta/errors';

/** A held lock. */
export interface FolderLock {
  release(): Promise<void>;
}

/**
 * Marks a folder as used by this process. The lock is a socket name in Linux's abstract namespace: the kernel drops it
 * with the process, `kill -9` included, so there is no stale lock and nothing to clean up. The folder's secret goes into
 * the name, that no other user can take it first.
 *
 * @throws DtaError `start_failed` where a live process, this one included, holds the folder.
 */
export async function lockFolder(directory: string, secret: string): Promise<FolderLock> {
  const name = createHash('sha256').update(`dta-postgres-lock\0${directory}\0${secret}`).digest('hex').slice(0, 40);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const inUse = cause.code === 'EADDRINUSE';
      const sentence = inUse ? `${directory} is in use by another running node` : `can't lock ${directory}`;
      reject(new DtaError('start_failed', sentence, { metadata: { directory }, cause }));
    });
    server.listen({ path: `\0dta-postgres-${name}`, exclusive: true }, resolve);
  });
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}
