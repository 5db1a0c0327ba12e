import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AppProcess } from './cluster/app-process.js';
import { natsAccounts, type NatsAccounts, type NatsLogin, type NatsTenant } from './cluster/nats-accounts.js';
import { clusterRoles, type ClusterRole } from './cluster/operator-files.js';
import {
  byName,
  settled,
  startOperator,
  writeOperator,
  type Operator,
  type OperatorFiles,
  type OperatorOptions,
} from './cluster/operator.js';
import { startKuboSwarm, type KuboNode, type KuboSwarm } from './kubo-swarm.js';
import { startNatsServer, type NatsServer } from './nats-server.js';
import { runFolderPrefix } from './run-services.js';
import { makeTokenFolder } from './softhsm.js';

/** How {@link startCluster} starts a cluster. */
export interface ClusterOptions {
  /** One with every role, called `first`, by default. All admit one another. */
  readonly operators?: readonly OperatorOptions[];
  /** Address of a PostgreSQL server whose user may make databases; the run's by default. */
  readonly postgresUrl?: string;
  /** A NATS server that takes everyone; one of the cluster's own, with an account an operator, by default. */
  readonly natsUrl?: string;
  /** Makes the accounts of the cluster's own NATS server; {@link natsAccounts} by default. */
  readonly natsAccounts?: (tenants: readonly NatsTenant[]) => NatsAccounts;
  /**
   * Kubo nodes on a swarm of the cluster's own, one after the other for each operator; where there is one operator, for its
   * principal, beneficiary and fiduciaries. None by default: then nothing is published.
   */
  readonly kuboNodes?: number;
  /** Of all processes; `info` by default. */
  readonly logLevel?: string;
  /** `softhsm`: each member has a token of its own, and its signing key in it too. Software by default. */
  readonly custody?: 'software' | 'softhsm';
  /** Gives up starting, at the next step; what was started ends. */
  readonly signal?: AbortSignal;
}

/** A running cluster: NATS, PostgreSQL, and every app as a process of its own. */
export interface Cluster {
  /** All files of all operators. */
  readonly folder: string;
  readonly operators: readonly Operator[];
  /** @throws Error where there is none of that name */
  operator(name: string): Operator;
  /** Of all operators. */
  readonly processes: readonly AppProcess[];
  /** The cluster's own; undefined where another was given. */
  readonly natsServer: NatsServer | undefined;
  /** The cluster's own. */
  readonly kuboNodes: readonly KuboNode[];
  /** Ends all processes, then removes databases and files. */
  stop(): Promise<void>;
}

/**
 * Starts operators as their own people would: identities by `dta identity create`, databases by `dta migrate`, secrets in
 * files, roles and gateways as processes over NATS and PostgreSQL. Settles when all are ready; where one isn't, all end.
 * They end with this process too, however it ends; only its databases may stay then.
 *
 * @throws DtaError `start_failed` with the last words of what did not start
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  // by this name the next run removes it where this process is killed
  const folder = await mkdtemp(join(tmpdir(), `${runFolderPrefix}${process.pid}-cluster-`));
  const processes: AppProcess[] = [];
  const databases: { drop(): Promise<void> }[] = [];
  let natsServer: NatsServer | undefined;
  let swarm: KuboSwarm | undefined;
  const stop = async () => {
    await settled(processes.map((process) => process.stop()));
    await settled(databases.splice(0).map((database) => database.drop()));
    await natsServer?.stop();
    await swarm?.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const { operators: wanted = [{ name: 'first' }], postgresUrl, natsUrl, kuboNodes = 0, logLevel = 'info' } = options;
    const goOn = () => options.signal?.throwIfAborted();
    goOn();
    if (kuboNodes > 0) swarm = await startKuboSwarm(kuboNodes);
    goOn();
    const nodes = swarm?.nodes ?? [];
    const tokens = options.custody === 'softhsm' ? await makeTokenFolder(join(folder, 'softhsm')) : null;
    const files = await settled(wanted.map((operator) => writeOperator(join(folder, operator.name), operator, tokens)));
    goOn();
    let logins = files.map((): NatsLogin => ({ url: natsUrl ?? '', user: undefined, password: undefined }));
    if (natsUrl === undefined) {
      const accounts = (options.natsAccounts ?? natsAccounts)(files.map(tenantOf));
      const server = await startNatsServer({ config: accounts.config });
      logins = accounts.logins.map((login) => ({ ...login, url: server.url }));
      natsServer = server;
    }
    const documents = files.flatMap(({ members }) => members.map(({ document }) => document));
    const surroundings = {
      ...{ documents, postgresUrl, logLevel },
      onProcess: (process: AppProcess) => {
        processes.push(process);
        if (options.signal?.aborted === true) void process.stop();
      },
      onDatabase: (database: { drop(): Promise<void> }) => databases.push(database),
    };
    const operators = await settled(
      files.flatMap((each, at) => {
        const nats = logins[at];
        const kuboOf = (role: ClusterRole) =>
          nodes[(wanted.length > 1 ? at : clusterRoles.indexOf(role)) % nodes.length];
        return nats === undefined ? [] : [startOperator(each, { ...surroundings, nats, kuboOf })];
      }),
    );
    goOn();
    const operator = (name: string) => byName(operators, name);
    return { folder, operators, operator, processes, natsServer, kuboNodes: nodes, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function tenantOf({ options, members }: OperatorFiles): NatsTenant {
  return { name: options.name, nodes: members.map(({ idDocumentCID }) => idDocumentCID) };
}
