import { startEmbeddedPostgres } from '@dta/postgres';
import { startCluster, type Cluster } from '@dta/testkit';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processCpu, type LoadTarget } from './standalone.js';

/** An operator whose every role, and gateway, has as many processes. */
export interface ReplicatedOperator extends LoadTarget {
  readonly replicas: number;
}

/**
 * Starts an operator with one fiduciary for each count, all on one PostgreSQL that syncs what it commits, and ends them after
 * `use`. CPU is that of the operator's own processes; the database and NATS are shared.
 */
export async function withReplicas(
  counts: readonly number[],
  use: (operators: readonly ReplicatedOperator[]) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'dta-bench-'));
  const postgres = await startEmbeddedPostgres({
    directory: join(folder, 'postgres'),
    settings: { max_connections: '300' },
  });
  const clusters: Cluster[] = [];
  try {
    const operators: ReplicatedOperator[] = [];
    for (const replicas of counts) {
      const cluster = await startCluster({
        operators: [
          {
            ...{ name: 'first', fiduciaries: 1 },
            replicas: { gateway: replicas, principal: replicas, beneficiary: replicas, fiduciary: replicas },
          },
        ],
        postgresUrl: postgres.url('postgres'),
      });
      clusters.push(cluster);
      operators.push(operatorOf(cluster, replicas));
    }
    await use(operators);
  } finally {
    await Promise.all(clusters.map((cluster) => cluster.stop()));
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function operatorOf(cluster: Cluster, replicas: number): ReplicatedOperator {
  const operator = cluster.operator('first');
  let asked = 0;
  return {
    replicas,
    get api() {
      asked += 1;
      return operator.api(asked % replicas).url; // as a balancer before them
    },
    headers: { authorization: `Bearer ${operator.token.token}` },
    fiduciaries: [operator.member('fiduciary-1').idDocumentCID],
    cpu: () => ({ node: cluster.processes.reduce((sum, { pid }) => sum + processCpu(pid), 0), postgres: 0 }),
  };
}
