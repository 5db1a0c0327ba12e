// What `npm run cluster` runs: every app as a process of its own, until Ctrl-C.
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openRunServices, startCluster, type Cluster } from '@dta/testkit';

/** One for the principal, one for the beneficiary, one for the fiduciaries, as if each were an operator. */
const KUBO_NODES = 3;
const checkout = join(import.meta.dirname, '../../..');
const stopped = Promise.race((['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((signal) => once(process, signal)));

try {
  const { port, fiduciaries } = readArguments();
  console.log('Starting NATS, PostgreSQL, Kubo and every app as a process of its own …');
  const services = await openRunServices();
  try {
    const cluster = await startCluster({ operators: [{ name: 'first', port, fiduciaries }], kuboNodes: KUBO_NODES });
    try {
      sayNextSteps(cluster, port, fiduciaries);
      await stopped;
      console.log('\nStopping …');
    } finally {
      await cluster.stop();
    }
  } finally {
    await services.stop();
  }
} catch (error) {
  console.error(`the cluster can't start: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

function readArguments(): { port: number; fiduciaries: number } {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '5556' }, fiduciaries: { type: 'string', default: '3' } },
  });
  const [port, fiduciaries] = [Number(values.port), Number(values.fiduciaries)];
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error('--port takes a whole number up to 65535');
  if (!Number.isInteger(fiduciaries) || fiduciaries < 1 || fiduciaries > 32) {
    throw new Error('--fiduciaries takes a whole number from 1 to 32');
  }
  return { port, fiduciaries };
}

function sayNextSteps({ folder, operators: [operator], processes, kuboNodes }: Cluster, port: number, n: number): void {
  const api = `http://localhost:${port}`;
  const token = `-H "authorization: Bearer $(cat ${operator?.token.file ?? ''})"`;
  const json = "-H 'content-type: application/json'";
  const newest = `curl -s ${token} '${api}/v1/order?page=0&perPage=1' | grep -o 'bafy[a-z2-7]*' | head -1`;
  console.log(`
D-TA is ready on ${api}: ${processes.length} processes (gateway, principal, beneficiary, ${n} ${n === 1 ? 'fiduciary' : 'fiduciaries'})
over NATS, PostgreSQL and ${kuboNodes.length} Kubo nodes. For trying out: software custody protects nothing, and all of it goes when you stop.
Its files, until then: ${folder}

Order a key whose secret nobody holds:
  curl -s -X POST ${api}/v1/order ${token} ${json} -d '{}'

Redeem the newest order:
  curl -s -X POST ${api}/v1/order/secret ${token} ${json} -d "{\\"orderReference\\":\\"$(${newest})\\"}"

Check the logs of all roles, which each of the Kubo nodes finds at the others:
  ${process.execPath} ${join(checkout, 'apps/cli/dist/src/main.js')} verify-log --url ${api} --token-file ${operator?.token.file ?? ''} --kubo ${kuboNodes[0]?.url ?? ''}

All of the API: ${api}/docs       Stop: Ctrl-C`);
}
