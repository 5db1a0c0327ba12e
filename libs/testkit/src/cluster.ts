import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DtaError } from '@dta/errors';
import { startAppProcess, type AppProcess } from './cluster/app-process.js';
import { natsAccounts, type NatsLogin } from './cluster/nats-accounts.js';
import {
  dta,
  programOf,
  writeAdmitted,
  writeMember,
  writeSecret,
  writeToken,
  type ClusterApp,
  type ClusterRole,
  type MemberFiles,
  type TokenFile,
} from './cluster/operator-files.js';
import { restApi, type RestApi } from './cluster/rest-api.js';
import { startNatsServer } from './nats-server.js';
import { freshDatabase } from './postgres-server.js';

/** One operator of a cluster: which roles it has, and how many processes each. */
export interface OperatorOptions {
  readonly name: string;
  /** true by default */
  readonly principal?: boolean;
  /** true by default */
  readonly beneficiary?: boolean;
  /** 3 by default */
  readonly fiduciaries?: number;
  /** Processes of each app, of each fiduciary too; 1 by default. */
  readonly replicas?: Readonly<Partial<Record<ClusterApp, number>>>;
  /** Port of the first gateway; a free one by default. */
  readonly port?: number;
}

/** How {@link startCluster} starts a cluster. */
export interface ClusterOptions {
  /** One with every role, called `first`, by default. All admit one another. */
  readonly operators?: readonly OperatorOptions[];
  /** Address of a PostgreSQL server whose user may make databases; the run's by default. */
  readonly postgresUrl?: string;
  /** A NATS server of others, without accounts; one of the cluster's own by default, with an account an operator. */
  readonly natsUrl?: string;
  /** Of all processes; `info` by default. */
  readonly logLevel?: string;
}

/** One identity of an operator, with its database and its replicas. */
export interface Member extends MemberFiles {
  readonly databaseUrl: string;
  readonly processes: readonly AppProcess[];
}

/** One operator of a running cluster. */
export interface Operator {
  readonly name: string;
  /** All of its files. */
  readonly folder: string;
  readonly token: TokenFile;
  readonly nats: NatsLogin;
  readonly gateways: readonly AppProcess[];
  /** Principal, beneficiary, fiduciaries. */
  readonly members: readonly Member[];
  /** By name: `principal`, `beneficiary`, `fiduciary-1`. @throws Error where there is none */
  member(name: string): Member;
  /** REST through a gateway, the first by default. */
  api(gateway?: number): RestApi;
}

/** A running cluster: NATS, PostgreSQL, and every app as its own process. */
export interface Cluster {
  /** All files of all operators. */
  readonly folder: string;
  readonly operators: readonly Operator[];
  /** @throws Error where there is none */
  operator(name: string): Operator;
  /** Every process: of each operator its members' and its gateways'. */
  readonly processes: readonly AppProcess[];
  /** Ends all processes and removes files and databases. */
  stop(): Promise<void>;
}

/**
 * Starts operators as their own people would: identities by `dta identity create`, databases by `dta migrate`, secrets in
 * files, roles and gateways as processes over NATS and PostgreSQL. Settles when all are ready; where one isn't, all end.
 *
 * @throws DtaError `start_failed` with the last words of what did not start
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), 'dta-cluster-'));
  const undo = [() => rm(folder, { recursive: true, force: true })];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const operators = await start(options, folder, undo);
    const named = <T extends { name: string }>(list: readonly T[], name: string): T => {
      const found = list.find((one) => one.name === name);
      if (found === undefined) throw new Error(`there is no ${name} in this cluster`);
      return found;
    };
    return {
      folder,
      operators,
      operator: (name) => named(operators, name),
      processes: operators.flatMap(({ members, gateways }) => [
        ...members.flatMap((member) => member.processes),
        ...gateways,
      ]),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What ends or removes something that was started or made; run from the last to the first. */
type Undo = (() => Promise<unknown>)[];

/** An operator's files, before anything runs. */
interface Plan {
  readonly options: OperatorOptions;
  readonly folder: string;
  readonly members: readonly MemberFiles[];
  readonly token: TokenFile;
}

async function start(options: ClusterOptions, folder: string, undo: Undo): Promise<Operator[]> {
  const plans = await Promise.all(
    (options.operators ?? [{ name: 'first' }]).map((operator) => writeFiles(join(folder, operator.name), operator)),
  );
  const logins = await startNats(options, plans, undo);
  const documents = plans.flatMap(({ members }) => members.map(({ document }) => document));
  return Promise.all(
    plans.map((plan, at) => {
      const login = logins[at];
      if (login === undefined) throw new DtaError('internal', 'an operator without a login');
      return startOperator(plan, login, documents, options, undo);
    }),
  );
}

async function writeFiles(folder: string, options: OperatorOptions): Promise<Plan> {
  const { name: operator, principal = true, beneficiary = true, fiduciaries = 3 } = options;
  const names: [string, ClusterRole][] = [
    ...(principal ? [['principal', 'principal'] as [string, ClusterRole]] : []), // tsc takes the pair for an array
    ...(beneficiary ? [['beneficiary', 'beneficiary'] as [string, ClusterRole]] : []), // the same
    ...Array.from({ length: fiduciaries }, (_, at): [string, ClusterRole] => [`fiduciary-${at + 1}`, 'fiduciary']),
  ];
  const members = await Promise.all(names.map(([name, role]) => writeMember(join(folder, name), operator, name, role)));
  return { options, folder, members, token: await writeToken(folder) };
}

async function startNats({ natsUrl }: ClusterOptions, plans: readonly Plan[], undo: Undo): Promise<NatsLogin[]> {
  if (natsUrl !== undefined) return plans.map(() => ({ url: natsUrl, user: undefined, password: undefined }));
  const nodesOf = ({ members }: Plan) => members.map(({ idDocumentCID }) => idDocumentCID);
  const accounts = natsAccounts(plans.map((plan) => ({ name: plan.options.name, nodes: nodesOf(plan) })));
  const server = await startNatsServer({ config: accounts.config });
  undo.push(() => server.stop());
  return accounts.logins.map((login) => ({ ...login, url: server.url }));
}

async function startOperator(
  { options, folder, members, token }: Plan,
  nats: NatsLogin,
  documents: readonly string[],
  { postgresUrl, logLevel = 'info' }: ClusterOptions,
  undo: Undo,
): Promise<Operator> {
  const { name: operator, replicas = {}, port } = options;
  const common = {
    NATS_URL: nats.url,
    ...(nats.user !== undefined && { NATS_USER: nats.user }),
    ...(nats.password !== undefined && {
      NATS_PASSWORD_FILE: await writeSecret(join(folder, 'nats-password'), nats.password),
    }),
    TOKEN_HASH: token.hash,
    LOG_LEVEL: logLevel,
  };
  const admitted = await writeAdmitted(folder, documents);
  const startAll = async (app: ClusterApp, name: string, launch: (replica: number) => Promise<AppProcess>) => {
    const launched = Array.from({ length: replicas[app] ?? 1 }, async (_, at) => {
      const process = await launch(at);
      undo.push(() => process.stop());
      return process;
    });
    const results = await Promise.allSettled(launched); // none is left behind where another fails
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
    return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  };
  const replicaName = (name: string, replica: number) =>
    `${operator}/${name}${replica === 0 ? '' : `/${String.fromCharCode(97 + replica)}`}`;

  const startMember = async (files: MemberFiles): Promise<Member> => {
    const database = await freshDatabase(postgresUrl);
    undo.push(() => database.drop());
    await writeSecret(files.databaseUrlFile, database.url);
    await dta(['migrate'], { DATABASE_URL_FILE: files.databaseUrlFile });
    const settings = { ...common, ...files.settings, DATABASE_POOL: '5', ADMITTED_IDENTITIES: admitted };
    const environment = () => (files.role === 'principal' ? { ...settings, ...defaultsOf(members) } : settings);
    const processes = await startAll(files.role, files.name, (replica) =>
      startAppProcess({
        name: replicaName(files.name, replica),
        program: programOf(files.role),
        environment,
        isReady: (lines) => lines.some((line) => line.includes('"msg":"ready"')),
      }),
    );
    return { ...files, databaseUrl: database.url, processes };
  };
  const started = await Promise.allSettled(members.map(startMember));
  const failure = started.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  const running = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));

  const gatewaySettings = { ...common, ...(await rolesBehind(folder, members)) };
  const ports: string[] = [];
  const gateways = await startAll('gateway', 'gateway', async (replica) => {
    const given = replica === 0 && port !== undefined ? String(port) : '0';
    return startAppProcess({
      name: replicaName('gateway', replica),
      program: programOf('gateway'),
      environment: () => ({ ...gatewaySettings, PORT: ports[replica] ?? given }),
      isReady: async (lines) => {
        ports[replica] ??= portOf(lines) ?? given;
        return (await restApi(`http://127.0.0.1:${ports[replica]}`, null).get('/health/ready')).status === 200;
      },
    });
  });
  return {
    ...{ name: operator, folder, token, nats, gateways, members: running },
    member: (name) => {
      const found = running.find((member) => member.name === name);
      if (found === undefined) throw new Error(`${operator} has no ${name}`);
      return found;
    },
    api: (gateway = 0) => restApi(`http://localhost:${ports[gateway] ?? ''}`, token.token),
  };
}
