import type { Cid } from '@dta/codec';
import { internalSubject, peerSubject, verbOf, type InternalCall, type ParamsOf, type ResultOf } from '@dta/contracts';
import { randomBytes } from '@dta/crypto';
import { custodyProtection, openSoftwareCustody } from '@dta/custody';
import { isDtaError, toDtaError } from '@dta/errors';
import {
  drawKey,
  generateKeys,
  generateSuccessor,
  readIdentity,
  softwareSigningKey,
  type Identity,
  type KeyGeneration,
  type Role,
} from '@dta/identity';
import { makeCall } from '@dta/internal-call';
import type { Author } from '@dta/order';
import { known } from '@dta/order/testing';
import { createLogger } from '@dta/service';
import { freshDatabase, type FreshDatabase } from '@dta/testkit';
import { createMemoryBroker, type Transport } from '@dta/transport';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  migrateDatabase,
  openDatabase,
  writeKeyFile,
  type Clock,
  type Database,
  type NodeOptions,
  type RoleParts,
  type RunningRole,
} from '../../src/index.js';

/** A party with its private halves. */
export interface Member extends Author {
  readonly generation: KeyGeneration;
}

export function member(name: string, ...roles: Role[]): Promise<Member> {
  return made({ name, roles, now: Date.now() });
}

/** A member whose first document names the public key of a recovery key [32]. */
export function memberWithRecovery(recovery: Uint8Array, name: string, ...roles: Role[]): Promise<Member> {
  return made({ name, roles, recovery, now: Date.now() });
}

async function made(said: Parameters<typeof generateKeys>[0]): Promise<Member> {
  const generation = await generateKeys(said);
  const key = softwareSigningKey(known(generation.signSeed));
  return { identity: readIdentity(generation.document), key, generation };
}

/** What a successor is made of, where it isn't made of the member's own keys. */
export interface SuccessorOptions {
  readonly now?: number;
  /** without the key that the member's document commits to: as a thief of its other keys would have to */
  readonly withoutNextKey?: boolean;
}

/** The member with its next keys: another document each time. */
export async function successorOf(
  { identity, key, generation }: Member,
  { now = Date.now(), withoutNextKey = false }: SuccessorOptions = {},
): Promise<Member> {
  const seed = withoutNextKey ? drawKey().seed : known(generation.next?.seed ?? undefined);
  const own = { key: softwareSigningKey(seed), seed };
  const next = await generateSuccessor(identity, { predecessor: key, own }, { name: identity.name, now });
  return { identity: readIdentity(next.document), key: own.key, generation: next };
}

/** Whom an order of two fiduciaries names. */
export interface Cast {
  readonly p: Member;
  readonly b: Member;
  readonly f1: Member;
  readonly f2: Member;
}

export async function cast(): Promise<Cast> {
  return {
    p: await member('P', 'principal'),
    b: await member('B', 'beneficiary'),
    f1: await member('F1', 'fiduciary'),
    f2: await member('F2', 'fiduciary'),
  };
}

/** The code of what a promise is refused with, `answered` where it isn't. */
export function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'answered',
    (error: unknown) => toDtaError(error).code,
  );
}

/** A clock beyond doubt that says `now`, as two that have agreed for long. */
export function steadyAt(now: number): Clock {
  const nothing = () => undefined;
  const [look, confirm] = [async () => undefined, async () => undefined];
  return { now: () => now, look, confirm, assertAgrees: nothing, skewMs: 0, agrees: true, doubt: null };
}

/** Starts roles, and stops all that it started. */
export class RoleRig {
  readonly #folder: string;
  readonly #broker = createMemoryBroker();
  readonly #databases: FreshDatabase[] = [];
  readonly #started = new Set<{ stop(): Promise<void> }>();
  /** the test's own connection, as an attacker's would be */
  readonly transport: Transport = this.#broker.connect();
  /** lines of all roles' logs, from `info` on */
  readonly logged: string[] = [];

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open(): Promise<RoleRig> {
    return new RoleRig(await mkdtemp(join(tmpdir(), 'dta-role-')));
  }

  /** Files and an empty database of a role, whose operator admitted `admitted`. */
  async prepare(owner: Member, role: Role, admitted: readonly Identity[]): Promise<NodeOptions> {
    const folder = join(this.#folder, `${owner.identity.name}-${role}`);
    const [keyFile, custodyFile, admittedIdentities] = ['identity.key', 'custody.key', 'admitted'].map((name) =>
      join(folder, name),
    ) as [string, string, string]; // three names
    await mkdir(admittedIdentities, { recursive: true });
    for (const { cid, bytes } of admitted) await writeFile(join(admittedIdentities, cid), bytes);
    const custody = await openSoftwareCustody({ file: custodyFile, warn: () => undefined });
    await writeKeyFile(keyFile, [owner.generation], custodyProtection(custody));
    await custody.close();
    const database = await freshDatabase();
    this.#databases.push(database);
    await migrateDatabase({ url: database.url, poolSize: 1 });
    return {
      role,
      database: { url: database.url, poolSize: 5 },
      keyFile,
      expectedNode: null,
      passphrase: null,
      custody: { kind: 'software', file: custodyFile },
      psks: [randomBytes(32)],
      tokenHashes: null,
      admittedIdentities,
      extensionVendor: 'test',
      documentStore: null,
      plugins: role === 'fiduciary' ? [] : ['@dta/plugin-milagro'],
    };
  }

  /** What a role is started with beside its options: a connection of its own. */
  parts(now: () => number = () => Date.now()): RoleParts {
    const log = createLogger({ name: 'test', destination: { write: (line: string) => this.logged.push(line) } });
    const transport = this.#broker.connect();
    this.#started.add({ stop: () => transport.close() });
    return { transport, log, now };
  }

  /** Starts a role, or one more replica of it; `stop` may come before the rig's own. */
  async start<O>(
    start: (options: O, parts: RoleParts) => Promise<RunningRole>,
    options: O,
    now?: () => number,
  ): Promise<RunningRole> {
    const running = await start(options, this.parts(now));
    const started = {
      stop: async () => {
        if (this.#started.delete(started)) await running.stop();
      },
    };
    this.#started.add(started);
    return started;
  }

  /** A connection to a role's database, for whoever has broken into it. */
  async intrude({ database }: Pick<NodeOptions, 'database'>): Promise<Database> {
    const opened = await openDatabase({ ...database, poolSize: 1 });
    this.#started.add({ stop: () => opened.close() });
    return opened;
  }

  /**
   * Has a role's database tell another time to all that connect to it from now on.
   *
   * @returns what sets it, in ms ahead of the machine's
   */
  async clockOf(options: Pick<NodeOptions, 'database'>): Promise<(aheadMs: number) => Promise<void>> {
    const database = await this.intrude(options);
    const shifted = (name: string, kind: string) =>
      database.query(`CREATE FUNCTION public.${name}() RETURNS timestamptz LANGUAGE sql ${kind} AS
        'SELECT pg_catalog.${name}() + make_interval(secs => (SELECT ms FROM public.clock_shift) / 1000)'`);
    await database.query('CREATE TABLE public.clock_shift (ms float NOT NULL)');
    await database.query('INSERT INTO public.clock_shift VALUES (0)');
    await shifted('now', 'STABLE');
    await shifted('clock_timestamp', 'VOLATILE');
    await database.query(
      `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, pg_catalog', current_database()); END $$`,
    );
    return async (aheadMs) => void (await database.query('UPDATE public.clock_shift SET ms = $1', [aheadMs]));
  }

  request(to: Cid, role: Role, verb: string, payload: Uint8Array): Promise<Uint8Array> {
    return this.transport.request(peerSubject(to, role, verb), payload, { timeoutMs: 60_000 });
  }

  /**
   * Calls a role as its own gateway would, with whatever is said otherwise; again where it is busy, as on a slow machine, since
   * nothing was stored then.
   */
  async call<V extends InternalCall>(
    { role, psks }: NodeOptions,
    { identity }: Member,
    call: V,
    params: ParamsOf<V>,
    { attempts = 20, ...said }: Partial<{ psk: Uint8Array; now: number; token: string; attempts: number }> = {},
  ): Promise<ResultOf<V>> {
    const subject = internalSubject(identity.cid, role, verbOf(call));
    const body = { caller: { token: said.token ?? null }, requestId: 'test', traceparent: null, params };
    for (let attempt = 1; ; attempt++) {
      const sealed = { psk: psks[0], subject, gateway: 'test', now: Date.now(), ...said };
      const { bytes, readReply } = makeCall(call, sealed, body);
      try {
        return readReply(await this.transport.request(subject, bytes, { timeoutMs: 65_000 }));
      } catch (error) {
        if (!isDtaError(error, 'busy') || attempt === attempts) throw error;
        await delay(Number(error.metadata['retryAfterMs'] ?? 100));
      }
    }
  }

  async close(): Promise<void> {
    for (const started of [...this.#started].reverse()) await started.stop();
    await this.transport.close();
    for (const database of this.#databases) await database.drop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** How many rows a role has of each kind. */
export async function rowsOf(database: Database): Promise<Record<string, number>> {
  const tables = ['orders', 'statements', 'secrets', 'replies', 'envelopes', 'events', 'deliveries'];
  const counts = tables.map((table) => `(SELECT count(*)::integer FROM ${table}) AS ${table}`);
  return known((await database.query<Record<string, number>>(`SELECT ${counts.join(', ')}`))[0]);
}
