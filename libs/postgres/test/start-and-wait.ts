// Run as a process of its own by the tests, to be killed with -9: starts a server, says where, and waits.
import { startEmbeddedPostgres } from '../src/index.js';

const directory = process.argv[2] ?? '';
const server = await startEmbeddedPostgres({ directory });
process.stdout.write(`${JSON.stringify({ pid: server.pid, port: server.port })}\n`);
setInterval(() => undefined, 1_000);
