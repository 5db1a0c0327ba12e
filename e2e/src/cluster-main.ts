// What `npm run cluster` runs: every app as a process of its own, until Ctrl-C.
import {
  answerAtOnce,
  EXIT_CONFIGURATION,
  openProgress,
  readCommandLine,
  stopAll,
  tellFaults,
  type Stoppable,
} from '@dta/service';
import { clusterCommand } from '@dta/standalone/options';
import { fetchTool, openRunServices, startCluster } from '@dta/testkit';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sayClusterSteps } from './cluster-steps.js';
import { prepareGuest, type Guest } from './guest.js';
import { ROOT } from './pages.js';

/** One for the principal, one for the beneficiary, one for the fiduciaries, as if each were an operator. */
const KUBO_NODES = 3;

const args = process.argv.slice(2);
const packageFile = readFileSync(join(ROOT, 'package.json'), 'utf8');
const { version } = JSON.parse(packageFile) as { version: string }; // npm requires it
const answer = answerAtOnce(clusterCommand, version, args);
const { values, faults } = readCommandLine(clusterCommand.options, args);
if (answer !== null) {
  console.log(answer);
} else if (faults.length > 0) {
  console.error(`the cluster can't start: ${tellFaults(clusterCommand, faults)}`);
  process.exitCode = EXIT_CONFIGURATION;
} else {
  await runCluster(Number(values['port']), Number(values['fiduciaries']), values['no-kubo'] === undefined);
}

async function runCluster(port: number, fiduciaries: number, withKubo: boolean): Promise<void> {
  const progress = openProgress();
  const stopping = new AbortController();
  const { signal } = stopping;
  const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (!signal.aborted) progress.say('stopping');
      stopping.abort();
    });
  }
  const started: Stoppable[] = [];
  try {
    await fetchTool('nats-server', { progress, signal });
    if (withKubo) await fetchTool('ipfs', { progress, signal });
    else progress.say('without Kubo: nothing is published, envelopes wait in the databases; all else works');
    progress.say(`starting NATS, PostgreSQL${withKubo ? ', Kubo' : ''} and every role as a process of its own`);
    const services = await openRunServices();
    started.push(services);
    const operators = [{ name: 'first', port, fiduciaries }];
    const kuboNodes = withKubo ? KUBO_NODES : 0;
    const cluster = await progress.during('starting', () => startCluster({ operators, kuboNodes, signal }));
    started.push(cluster);
    const guest: Guest = await prepareGuest(cluster.folder);
    started.push({ stop: () => guest.drop() });
    sayClusterSteps(cluster, guest, Number(new URL(cluster.operator('first').api().url).port)); // 0 is any free one
    await stopped;
  } catch (error) {
    if (!signal.aborted) {
      console.error(`the cluster can't start: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = 1;
    }
  } finally {
    await progress
      .during('stopping', () => stopAll(started))
      .then(
        () => progress.say('stopped'),
        (error: unknown) => {
          console.error(
            `the cluster has not stopped in order: ${error instanceof Error ? error.message : String(error)}`,
          );
          process.exitCode = 1;
        },
      );
  }
}
