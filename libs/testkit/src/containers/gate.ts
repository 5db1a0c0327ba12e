import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runFolderPrefix } from '../run-services.js';
import { spawnWithParent } from '../spawn-with-parent.js';
import type { Namespaces } from './namespaces.js';

/** A port of 127.0.0.1 that leads to one of a container, as `ports` of a compose file does. */
export interface Gate {
  /** `http://127.0.0.1:…` */
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Opens a port of 127.0.0.1 that leads to `address` in other namespaces: their network is none of ours, so a process that is
 * in it hands over through a socket in a folder of both.
 *
 * @throws Error where no process can be started there
 */
export async function openGate(namespaces: Namespaces, address: string, port: number): Promise<Gate> {
  const folder = await mkdtemp(join(tmpdir(), `${runFolderPrefix}${process.pid}-gate-`));
  const door = join(folder, 'door');
  const program = `require('node:net').createServer((near) => {
    const far = require('node:net').connect(${port}, '${address}');
    near.on('error', () => far.destroy()).pipe(far).on('error', () => near.destroy()).pipe(near);
  }).listen('${door}')`;
  const [command, ...args] = namespaces.inside([process.execPath, '-e', program]);
  const inner = spawnWithParent(command, args, { stdio: 'ignore' });
  while (!existsSync(door)) {
    if (inner.exitCode !== null) throw new Error(`no way leads to ${address}:${port}`);
    await delay(20);
  }
  const server: Server = createServer((near) => {
    const far = connect(door);
    near.on('error', () => far.destroy()).pipe(far);
    far.on('error', () => near.destroy()).pipe(near);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, // of TCP, as it listens
    stop: async () => {
      server.close();
      inner.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
