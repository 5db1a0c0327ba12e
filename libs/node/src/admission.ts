import type { Cid } from '@dta/codec';
import { DtaError, isDtaError } from '@dta/errors';
import {
  assertNotAhead,
  decisionStatement,
  IdentityDirectory,
  parseStatement,
  revocationStatement,
  verifyDecision,
  verifyRevocation,
  type Identity,
  type Line,
} from '@dta/identity';
import {
  decisionsOf,
  earlyRevocations,
  insertDecision,
  insertDocument,
  insertRevocation,
  keepEarlyRevocation,
  lockChains,
  readChainRows,
} from './chain-rows.js';
import { Chains, silent, type AdmissionLog } from './chains.js';
import { wallClock } from './clock.js';
import type { Database, Sql } from './database.js';
import type { KeyRing } from './key-ring.js';
import { notAdmitted } from './refusal-log.js';

const RELOAD_MS = 1_000;

/** What an admission list goes by beside its rows. */
export interface AdmissionOptions {
  readonly log?: AdmissionLog;
  /** Unix ms; the system's clock by default */
  readonly now?: () => number;
}

/**
 * Of documents that this node doesn't have yet, none may be dated ahead: the others were checked when they came.
 *
 * @throws `time_ahead`
 */
export function assertNewNotAhead(
  identities: readonly Identity[],
  { directory }: Pick<Admission, 'directory'>,
  now: number,
): void {
  for (const { cid, createdAt } of identities) if (directory.find(cid) === undefined) assertNotAhead(createdAt, now);
}

/**
 * Whom this node acts for: its own identity and the chains that its operator admitted. Kept in the database; what another
 * replica was told is known here a second later, in the order in which it was written: all replicas go by the same lines.
 */
export class Admission {
  readonly #chains: Chains;
  readonly #database: Database;
  readonly #now: () => number;
  readonly #first: Cid | null;
  readonly #own: ReadonlySet<Cid>;
  #seen = 0n;
  /** by the clock that nothing sets: one that went back would stop reloading for as long */
  #reloadAt = 0;
  #reloading: Promise<void> | undefined;

  private constructor(
    database: Database,
    ring: Pick<KeyRing, 'first' | 'identities'> | null,
    { log = silent, now = wallClock }: AdmissionOptions = {},
  ) {
    this.#chains = new Chains(log);
    this.#database = database;
    this.#now = now;
    this.#first = ring?.first ?? null;
    this.#own = new Set(ring?.identities.map(({ cid }) => cid));
  }

  get directory(): IdentityDirectory {
    return this.#chains.directory;
  }

  /** Reads the admission list, and writes the node's own documents into it. */
  static async open(database: Database, ring: KeyRing, options: AdmissionOptions = {}): Promise<Admission> {
    const admission = new Admission(database, ring, options);
    await admission.#write(async (sql) => {
      for (const identity of ring.identities) await insertDocument(sql, ring.first, identity, true);
    });
    return admission;
  }

  /** Reads the admission list of a role's database, for its operator. */
  static async read(database: Database): Promise<Admission> {
    const admission = new Admission(database, null);
    await admission.#reload();
    return admission;
  }

  async #reload(sql: Sql = this.#database): Promise<void> {
    for (const row of await readChainRows(sql, this.#seen)) {
      if (row.seq <= this.#seen) continue; // another reload was faster
      this.#seen = row.seq;
      this.#chains.take(row);
    }
    this.#reloadAt = performance.now() + RELOAD_MS;
  }

  /** Writes on what all replicas have written until now, then reads it as they do. */
  async #write(work: (sql: Sql) => Promise<void>): Promise<void> {
    await this.#database.transaction(async (sql) => {
      await lockChains(sql);
      await this.#reload(sql);
      await work(sql);
    });
    await this.#reload();
  }

  /**
   * Whether the chain of `cid` is admitted. Asks the database again, at most once a second, also before it says yes: what
   * another replica was told of successors and revocations must be known before a statement is taken.
   */
  async isAdmitted(cid: Cid, directory: IdentityDirectory = this.directory): Promise<boolean> {
    if (performance.now() > this.#reloadAt) {
      this.#reloading ??= this.#reload().finally(() => (this.#reloading = undefined));
      await this.#reloading;
    }
    const first = directory.findFirst(cid) ?? this.directory.findFirst(cid);
    return first !== undefined && this.#chains.has(first);
  }

  /** Whether the chain of `cid` is admitted, as far as this process has been told. */
  knows(cid: Cid): boolean {
    const first = this.directory.findFirst(cid);
    return first !== undefined && this.#chains.has(first);
  }

  /** @throws `identity_not_admitted`, which says whose list lacks whom */
  async assertAdmitted(cid: Cid, directory?: IdentityDirectory): Promise<void> {
    if (!(await this.isAdmitted(cid, directory))) {
      throw notAdmitted(this.#first, directory?.findFirst(cid) ?? cid);
    }
  }

  /**
   * Admits a chain by one of its documents, with its predecessors at hand. A Revocation that came before counts.
   *
   * @throws `identity_invalid`, `time_ahead`
   */
  async admit(documents: readonly Uint8Array[]): Promise<Identity> {
    // before one is known: a successor from the future would supersede its predecessor in this process
    assertNewNotAhead(
      documents.map((bytes) => this.directory.reader(bytes)),
      this,
      this.#now(),
    );
    let newest: Identity | undefined;
    await this.#write(async (sql) => {
      const directory = new IdentityDirectory({ below: this.directory });
      newest = directory.add(documents).at(-1);
      if (newest === undefined) throw new DtaError('identity_invalid', 'no identity document');
      await this.#store(sql, directory, directory.lineageOf(newest.cid));
    });
    if (newest === undefined) throw new DtaError('internal', 'a chain was admitted without a document');
    return newest;
  }

  /** Writes documents of one chain, and what was heard of its end before. */
  async #store(sql: Sql, directory: IdentityDirectory, documents: readonly Identity[]): Promise<void> {
    const [one] = documents;
    if (one === undefined) return;
    const first = directory.firstOf(one.cid);
    for (const identity of documents) await insertDocument(sql, first, identity);
    if (directory.standingOf(first) === 'revoked') return;
    const { documents: line, rivals } = directory.lineOf(first);
    for (const bytes of await earlyRevocations(
      sql,
      [...line, ...rivals].map(({ cid }) => cid),
    )) {
      if (!ends(bytes, line)) continue;
      await insertRevocation(sql, first, bytes);
      return;
    }
  }

  /**
   * Notes successors of admitted chains that came with a message; whatever else came is nobody's business here. A chain that
   * is frozen or revoked has no more to say, see {@link Chains.newsIn}.
   */
  async learn(identities: readonly Identity[]): Promise<void> {
    if (this.#chains.newsIn(identities).length === 0) return;
    await this.#write(async (sql) => {
      const news = this.#chains.newsIn(identities); // others may have written meanwhile
      const directory = new IdentityDirectory({ below: this.directory });
      directory.add(news.map(({ bytes }) => bytes));
      const chains = new Set(news.map(({ cid }) => directory.firstOf(cid)));
      for (const first of chains) {
        await this.#store(
          sql,
          directory,
          news.filter(({ cid }) => directory.firstOf(cid) === first),
        );
      }
    });
  }

  /**
   * Ends an admitted chain. One that is ended already stays so, whatever is said of it later; of a chain that isn't admitted
   * it is kept until one is.
   *
   * @param teller first CID of the chain whose message it came with; null: the operator's own word
   * @throws `signature_invalid`, `identity_invalid`, `time_ahead`
   */
  async revoke(bytes: Uint8Array, teller: Cid | null = null): Promise<void> {
    const revocation = parseStatement([revocationStatement], bytes);
    const { identity, createdAt } = revocation.body;
    const isKnown = await this.isAdmitted(identity);
    if (isKnown && this.directory.standingOf(identity) === 'revoked') return;
    assertNotAhead(createdAt, this.#now());
    if (!isKnown) {
      await keepEarlyRevocation(this.#database, revocation, teller);
      return;
    }
    const first = this.directory.firstOf(identity);
    await this.#write(async (sql) => {
      if (this.directory.standingOf(first) === 'revoked') return;
      verifyRevocation(revocation, this.directory.chainOf(first));
      await insertRevocation(sql, first, bytes);
    });
  }

  /**
   * Ends a fork by the recovery key's word.
   *
   * @param documents where the document that it names is at hand, with its predecessors
   * @throws `identity_not_found`, `identity_not_admitted`, `signature_invalid`, `identity_invalid`, `time_ahead`
   */
  async decide(bytes: Uint8Array, documents: IdentityDirectory = this.directory): Promise<void> {
    const decision = parseStatement([decisionStatement], bytes);
    const { identity, createdAt } = decision.body;
    const first = documents.firstOf(identity);
    await this.assertAdmitted(first);
    if ((await decisionsOf(this.#database, first)).has(identity)) return;
    assertNotAhead(createdAt, this.#now());
    const lineage = documents.lineageOf(identity);
    verifyDecision(decision, lineage);
    await this.#write(async (sql) => {
      const directory = new IdentityDirectory({ below: this.directory });
      directory.add(lineage.map((one) => one.bytes));
      directory.decide(identity, 'recovery'); // where it says something else than before, it throws
      await this.#store(sql, directory, lineage);
      await insertDecision(sql, first, identity, bytes);
    });
  }

  /**
   * Has a chain go on with a document that is stored here, by the word of this node's operator and for this node alone.
   *
   * @throws `identity_not_found`; `identity_invalid` where the recovery key decided for another
   */
  async follow(document: Cid): Promise<void> {
    await this.#write(async (sql) => {
      const first = this.directory.firstOf(document);
      new IdentityDirectory({ below: this.directory }).decide(document, 'operator');
      await insertDecision(sql, first, document, null);
    });
  }

  /** The stored Revocation of a chain that has one, or null. */
  async revocationOf(first: Cid): Promise<Uint8Array | null> {
    if (this.directory.standingOf(first) !== 'revoked') return null;
    const rows: { bytes: Buffer }[] = await this.#database.query('SELECT bytes FROM revocations WHERE first = $1', [
      first,
    ]);
    return rows.map(({ bytes }) => new Uint8Array(bytes))[0] ?? null;
  }

  /** Decisions of a chain's recovery key, by the document that they name. */
  decisionsOf(first: Cid): Promise<Map<Cid, Uint8Array>> {
    return decisionsOf(this.#database, first);
  }

  isOwn(cid: Cid): boolean {
    return this.#own.has(cid);
  }

  /** The newest document of each admitted chain. */
  list(): Identity[] {
    return this.lines().flatMap(({ documents }) => documents.slice(-1));
  }

  /** How each admitted chain hangs together. */
  lines(): Line[] {
    return this.#chains.lines();
  }

  /** The newest document of the chain of `cid`: whom to seal to. @throws `identity_not_found`, `identity_frozen` */
  newestOf(cid: Cid): Identity {
    return this.directory.newestOf(cid);
  }
}

/** Whether a Revocation is of this line. */
function ends(revocation: Uint8Array, line: readonly Identity[]): boolean {
  try {
    verifyRevocation(parseStatement([revocationStatement], revocation), line);
    return true;
  } catch (error) {
    if (!isDtaError(error)) throw error;
    return false;
  }
}
