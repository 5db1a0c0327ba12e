// Run as a process of its own by the tests, to be killed with -9: starts a server that outlives it, as one does where the
// kernel isn't told to end it, says where, and waits. The folder holds a database already.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { installedBinaries, serverBinaries } from '../src/binaries.js';
import { startProgram } from '../src/server-program.js';
import { serverUser } from '../src/server-user.js';

const [directory = '', port = ''] = process.argv.slice(2);
const user = await serverUser();
const home = { native: await serverBinaries(user, await installedBinaries()), directory, user };
const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', port };
const { pid } = startProgram(
  home,
  'postgres',
  (folder) => [
    '-D',
    `${folder}/data`,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ],
  { outlives: true },
);
const isReady = async () =>
  (await readFile(join(directory, 'data', 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')[7]?.trim() ===
  'ready';
while (!(await isReady())) await delay(20);
process.stdout.write(`${JSON.stringify({ pid, port: Number(port) })}\n`);
setInterval(() => undefined, 1_000);
