import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DtaError } from '@dta/errors';
import type { KuboNode } from '../kubo-swarm.js';
import { freshDatabase } from '../postgres-server.js';
import { startAppProcess, type AppProcess } from './app-process.js';
import type { NatsLogin } from './nats-accounts.js';
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
} from './operator-files.js';
import { restApi, type RestApi } from './rest-api.js';

/** One operator of a cluster: which roles it has, and how many processes each. */
export interface OperatorOptions {
  readonly name: string;
  /** true by default */
  readonly principal?: boolean;
  /** true by default */
  readonly beneficiary?: boolean;
  /** 3 by default */
  readonly fiduciaries?: number;
  /** Of principal and beneficiary; those that ship by default. */
  readonly plugins?: readonly string[];
  /** Processes of each app, and of each fiduciary; 1 by default. */
  readonly replicas?: Readonly<Partial<Record<ClusterApp, number>>>;
  /** Port of the first gateway; a free one by default. */
  readonly port?: number;
}

/** One identity of an operator, with its database and its replicas. */
export interface Member extends MemberFiles {
  readonly databaseUrl: string;
  /** Where it publishes; undefined where the cluster has no Kubo node. */
  readonly kubo: KuboNode | undefined;
  readonly processes: readonly AppProcess[];
}

/** One operator of a running cluster. */
export interface Operator {
  readonly name: string;
  /** All of its files. */
  readonly folder: string;
  readonly token: TokenFile;
  readonly nats: NatsLogin;
  /** Principal, beneficiary, fiduciaries. */
  readonly members: readonly Member[];
  readonly gateways: readonly AppProcess[];
  /** By name: `principal`, `beneficiary`, `fiduciary-1`. @throws Error where there is none */
  member(name: string): Member;
  /** REST through one of its gateways, the first by default. */
  api(gateway?: number): RestApi;
}

/** An operator's files, before anything of it runs. */
export interface OperatorFiles {
  readonly options: OperatorOptions;
  readonly folder: string;
  readonly token: TokenFile;
  readonly members: readonly MemberFiles[];
}

/** What an operator is started with beside its own files. */
export interface OperatorSurroundings {
  readonly nats: NatsLogin;
  /** Where a role of this operator publishes. */
  readonly kuboOf: (role: ClusterRole) => KuboNode | undefined;
  /** Documents that its roles admit: files. */
  readonly documents: readonly string[];
  readonly postgresUrl: string | undefined;
  readonly logLevel: string;
  /** Gets what is to be ended. */
  readonly onProcess: (process: AppProcess) => void;
  readonly onDatabase: (database: { drop(): Promise<void> }) => void;
}

/** Makes an operator's files in `folder`: identities, keys, bearer token; and where `tokens` are given, tokens of an HSM. */
export async function writeOperator(
  folder: string,
  options: OperatorOptions,
  tokens: string | null,
): Promise<OperatorFiles> {
  const { name: operator, principal = true, beneficiary = true, fiduciaries = 3 } = options;
  const roles: [string, ClusterRole][] = [];
  if (principal) roles.push(['principal', 'principal']);
  if (beneficiary) roles.push(['beneficiary', 'beneficiary']);
  for (let at = 1; at <= fiduciaries; at += 1) roles.push([`fiduciary-${at}`, 'fiduciary']);
  const members = await fewAtATime(roles, ([name, role]) =>
    writeMember(join(folder, name), `${operator} ${name}`, name, role, tokens),
  );
  return { options, folder, members, token: await writeToken(folder) };
}

/** Starts an operator's processes; settles when they are ready, or, with the first failure, when none is starting. */
export async function startOperator(files: OperatorFiles, around: OperatorSurroundings): Promise<Operator> {
  const { options, folder, token } = files;
  const { nats } = around;
  const common = {
    NATS_URL: nats.url,
    ...(nats.user !== undefined && { NATS_USER: nats.user }),
    ...(nats.password !== undefined && {
      NATS_PASSWORD_FILE: await writeSecret(join(folder, 'nats-password'), nats.password),
    }),
    TOKEN_HASH_FILE: token.hashFile,
    LOG_LEVEL: around.logLevel,
    METRICS_PORT: '0',
  };
  const forRoles = {
    ...common,
    DATABASE_POOL: files.members.length > 16 ? '3' : '5', // else many members have more connections than a server gives
    ADMITTED_IDENTITIES: await writeAdmitted(folder, around.documents),
  };
  const members = await fewAtATime(files.members, (member) => startMember(member, files, forRoles, around));
  const gateways = await startGateways(files, { ...common, ...(await rolesBehind(files)) }, around);
  return {
    ...{ name: options.name, folder, token, nats, members },
    gateways: gateways.map(({ process }) => process),
    member: (name) => byName(members, name),
    api: (at = 0) => restApi(`http://localhost:${gateways[at]?.port() ?? ''}`, token.token),
  };
}

/** How long a gateway may take to find all of its roles ready. */
const readyLimitMs = 120_000;

/** The plugins that ship, as the standalone node has them. */
const shippedPlugins = ['milagro', 'bitcoinwallet', 'safeguardsecret'].map((name) => `@dta/plugin-${name}`);

type Settings = Readonly<Record<string, string>>;

async function startMember(
  member: MemberFiles,
  { options, members }: OperatorFiles,
  common: Settings,
  around: OperatorSurroundings,
): Promise<Member> {
  const database = await freshDatabase(around.postgresUrl);
  around.onDatabase(database);
  await writeSecret(member.databaseUrlFile, database.url);
  await dta(['migrate'], { DATABASE_URL_FILE: member.databaseUrlFile });
  const kubo = around.kuboOf(member.role);
  const own = {
    ...(member.role === 'principal' && ordersThatNameNone(members)),
    ...(kubo !== undefined && { DOCUMENT_STORE_KUBO: kubo.url }),
    ...(member.role !== 'fiduciary' && { PLUGINS: (options.plugins ?? shippedPlugins).join(',') }),
  };
  const processes = await startReplicas(options, member.role, (replica) =>
    startAppProcess({
      name: processName(options, member.name, replica),
      program: programOf(member.role),
      environment: () => ({ ...common, ...member.settings, ...own }),
      isReady: (lines) => lines.some((line) => line.includes('"msg":"ready"')),
      onStart: around.onProcess,
    }),
  );
  return { ...member, databaseUrl: database.url, kubo, processes };
}

/** Whom orders mean that name neither beneficiary nor fiduciaries. */
function ordersThatNameNone(members: readonly MemberFiles[]): Settings {
  const beneficiary = members.find(({ role }) => role === 'beneficiary');
  return {
    ...(beneficiary !== undefined && { BENEFICIARY: beneficiary.idDocumentCID }),
    FIDUCIARY_SET: cidsOf(members, 'fiduciary').join(','),
  };
}

/** A gateway's settings for the roles that it speaks for. */
async function rolesBehind({ options, folder, members }: OperatorFiles): Promise<Settings> {
  const keysOf = (role: ClusterRole) =>
    members.filter((member) => member.role === role).map((member) => member.internalKey);
  const fiduciaryKeys = await writeSecret(join(folder, 'fiduciary-keys'), keysOf('fiduciary').join('\n'));
  const one = (role: ClusterRole, name: string): Settings => {
    const member = members.find((candidate) => candidate.role === role);
    const key = member?.settings['INTERNAL_KEY_FILE'];
    return member === undefined || key === undefined ? {} : { [name]: member.idDocumentCID, [`${name}_KEY_FILE`]: key };
  };
  return {
    GATEWAY_NAME: options.name,
    ...one('principal', 'PRINCIPAL'),
    ...one('beneficiary', 'BENEFICIARY'),
    ...(keysOf('fiduciary').length > 0 && {
      FIDUCIARIES: cidsOf(members, 'fiduciary').join(','),
      FIDUCIARY_KEY_FILE: fiduciaryKeys,
    }),
  };
}

interface Gateway {
  readonly process: AppProcess;
  /** The same after a restart. */
  port(): number;
}

function startGateways({ options }: OperatorFiles, common: Settings, around: OperatorSurroundings): Promise<Gateway[]> {
  return startReplicas(options, 'gateway', async (replica) => {
    let port = (replica === 0 ? options.port : undefined) ?? 0;
    const process = await startAppProcess({
      name: processName(options, 'gateway', replica),
      program: programOf('gateway'),
      environment: () => ({ ...common, PORT: String(port) }),
      isReady: (lines) => {
        const listens = listenedPort(lines);
        port = listens ?? port;
        return listens !== undefined;
      },
      onStart: around.onProcess,
    });
    await untilAllReady(process, port);
    return { process, port: () => port };
  });
}

function listenedPort(lines: readonly string[]): number | undefined {
  const line = lines.find((text) => text.includes('"msg":"the gateway listens"'));
  const [, port] = /"port":(\d+)/.exec(line ?? '') ?? [];
  return port === undefined ? undefined : Number(port);
}

/** Once, after the first start: later a test may want a gateway whose roles are away. */
async function untilAllReady({ name }: AppProcess, port: number): Promise<void> {
  const api = restApi(`http://127.0.0.1:${port}`, null);
  for (const limit = Date.now() + readyLimitMs; ; await delay(50)) {
    const { status, body } = await api.get('/health/ready');
    const away = Object.keys((body?.['degraded'] ?? {}) as object).filter((part) => !part.includes(':')); // whole roles
    if (status === 200 && away.length === 0) return;
    if (Date.now() > limit) throw new DtaError('start_failed', `${name} is not ready: ${JSON.stringify(body)}`);
  }
}

function startReplicas<T>(
  { replicas = {} }: OperatorOptions,
  app: ClusterApp,
  launch: (at: number) => Promise<T>,
): Promise<T[]> {
  return settled(Array.from({ length: replicas[app] ?? 1 }, (_, at) => launch(at)));
}

function processName({ name }: OperatorOptions, app: string, replica: number): string {
  return `${name}/${app}${replica === 0 ? '' : `/${replica + 1}`}`;
}

function cidsOf(members: readonly MemberFiles[], wanted: ClusterRole): string[] {
  return members.filter(({ role }) => role === wanted).map(({ idDocumentCID }) => idDocumentCID);
}

/** More at a time don't start sooner, but later than a start may take. */
const MEMBERS_AT_A_TIME = 8;

/** All results in the list's order, or the first failure once nothing is under way any more. */
async function fewAtATime<T, R>(list: readonly T[], start: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < list.length; at += MEMBERS_AT_A_TIME) {
    results.push(...(await settled(list.slice(at, at + MEMBERS_AT_A_TIME).map(start))));
  }
  return results;
}

/** All results, or the first failure once nothing is under way any more. */
export async function settled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

/** @throws Error where there is none of that name */
export function byName<T extends { readonly name: string }>(list: readonly T[], name: string): T {
  const found = list.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no ${name}, only ${list.map((one) => one.name).join(', ')}`);
  return found;
}
