import type { Cid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import {
  assertNotAhead,
  decisionStatement,
  IdentityDirectory,
  parseStatement,
  revocationStatement,
  type Decision,
  type Identity,
  type Line,
} from '@dta/identity';
import { assertRevokes, earlyEnd, judgeDecision, type JudgedDecision } from './chain-ends.js';
import { decisionsOf, insertDecision, insertDocument, insertRevocation, keepEarlyRevocation } from './chain-rows.js';
import { silent, type AdmissionLog } from './chains.js';
import { wallClock } from './clock.js';
import type { Database, Sql } from './database.js';
import type { KeyRing } from './key-ring.js';
import { notAdmitted } from './refusal-log.js';
import { StoredChains } from './stored-chains.js';

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
  readonly #stored: StoredChains;
  readonly #database: Database;
  readonly #now: () => number;
  readonly #first: Cid | null;
  readonly #own: ReadonlySet<Cid>;

  private constructor(
    database: Database,
    ring: Pick<KeyRing, 'first' | 'identities'> | null,
    { log = silent, now = wallClock }: AdmissionOptions = {},
  ) {
    this.#stored = new StoredChains(database, log);
    this.#database = database;
    this.#now = now;
    this.#first = ring?.first ?? null;
    this.#own = new Set(ring?.identities.map(({ cid }) => cid));
  }

  get directory(): IdentityDirectory {
    return this.#stored.chains.directory;
  }

  /** Reads the admission list, and writes the node's own documents into it. */
  static async open(database: Database, ring: KeyRing, options: AdmissionOptions = {}): Promise<Admission> {
    const admission = new Admission(database, ring, options);
    await admission.#stored.write(async (sql) => {
      for (const identity of ring.identities) await insertDocument(sql, ring.first, identity, true);
    });
    return admission;
  }

  /** Reads the admission list of a role's database, for its operator. */
  static async read(database: Database): Promise<Admission> {
    const admission = new Admission(database, null);
    await admission.#stored.reload();
    return admission;
  }

  /**
   * Whether the chain of `cid` is admitted. Asks the database again, at most once a second, also before it says yes: what
   * another replica was told of successors and revocations must be known before a statement is taken.
   */
  async isAdmitted(cid: Cid, directory: IdentityDirectory = this.directory): Promise<boolean> {
    await this.#stored.refresh();
    const first = directory.findFirst(cid) ?? this.directory.findFirst(cid);
    return first !== undefined && this.#stored.chains.has(first);
  }

  /** Whether the chain of `cid` is admitted, as far as this process has been told. */
  knows(cid: Cid): boolean {
    const first = this.directory.findFirst(cid);
    return first !== undefined && this.#stored.chains.has(first);
  }

  /** Whether a document was verified by itself lately, and is remembered: to read it again costs nothing. */
  hasRead(document: Cid): boolean {
    return this.#stored.chains.hasRead(document);
  }

  /** @throws `identity_not_admitted`, which says whose list lacks whom */
  async assertAdmitted(cid: Cid, directory?: IdentityDirectory): Promise<void> {
    if (!(await this.isAdmitted(cid, directory))) {
      throw notAdmitted(this.#first, directory?.findFirst(cid) ?? cid);
    }
  }

  /**
   * Admits a chain by its documents, in any order; their predecessors are among them or known. All are noted at once, so that
   * nothing depends on which was named first: where two successors of one document are given, neither is on the line before the
   * other, and the chain is frozen until that is decided. A Revocation that came before counts.
   *
   * @returns the newest of the documents
   * @throws `identity_invalid`, also for documents of two chains; `time_ahead`
   */
  async admit(documents: readonly Uint8Array[]): Promise<Identity> {
    const read = documents.map((bytes) => this.directory.reader(bytes));
    // before one is known: a successor from the future would supersede its predecessor in this process
    assertNewNotAhead(read, this, this.#now());
    assertPredecessors(read, this.directory);
    return this.#stored.write(async (sql) => {
      const directory = new IdentityDirectory({ below: this.directory });
      const given = oldestFirst(directory.add(documents), directory);
      const newest = given.at(-1);
      if (newest === undefined) throw new DtaError('identity_invalid', 'no identity document');
      if (!given.every(({ cid }) => directory.sameChain(cid, newest.cid)))
        throw new DtaError('identity_invalid', 'documents of more than one chain');
      await this.#store(sql, directory, given, []);
      return newest;
    });
  }

  /** Writes documents and Decisions, and then what was heard before of the end of their chains. */
  async #store(
    sql: Sql,
    directory: IdentityDirectory,
    documents: readonly Identity[],
    decisions: readonly JudgedDecision[],
  ): Promise<void> {
    const chains = new Set<Cid>();
    for (const identity of [...decisions.flatMap(({ lineage }) => lineage), ...documents]) {
      const first = directory.firstOf(identity.cid);
      await insertDocument(sql, first, identity);
      chains.add(first);
    }
    for (const { first, document, bytes } of decisions) await insertDecision(sql, first, document, bytes);
    for (const first of chains) await this.#endEarly(sql, directory, first);
  }

  async #endEarly(sql: Sql, directory: IdentityDirectory, first: Cid): Promise<void> {
    if (directory.standingOf(first) === 'revoked') return;
    const revocation = await earlyEnd(sql, first, directory);
    if (revocation !== undefined) await insertRevocation(sql, first, revocation);
  }

  /**
   * Notes successors of admitted chains that came with a message; whatever else came is nobody's business here. A chain that
   * is frozen or revoked has no more to say, see `Chains.newsIn`, unless a Decision ends the freeze. All is noted at
   * once: a Revocation that came before counts only by a key that isn't retired by one of these.
   *
   * @param decisions judged against the same message's documents, of admitted chains
   */
  async learn(identities: readonly Identity[], decisions: readonly JudgedDecision[] = []): Promise<void> {
    if (decisions.length === 0 && this.#stored.chains.newsIn(identities).length === 0) return;
    await this.#stored.write(async (sql) => {
      const directory = new IdentityDirectory({ below: this.directory });
      for (const { document, lineage } of decisions) {
        directory.add(lineage.map(({ bytes }) => bytes));
        directory.decide(document, 'recovery'); // where another replica has heard something else meanwhile, it throws
      }
      const news = this.#stored.chains.newsIn(identities, directory); // others may have written meanwhile
      directory.add(news.map(({ bytes }) => bytes));
      await this.#store(sql, directory, news, decisions);
    });
  }

  /**
   * Ends an admitted chain. One that is ended already stays so, whatever is said of it later; of a chain that isn't admitted
   * it is kept until one is.
   *
   * @param teller first CID of the chain whose message it came with; null: the operator's own word
   * @param documents where the document that it names is at hand, with its predecessors
   * @throws `signature_invalid`, `identity_invalid`, `time_ahead`
   */
  async revoke(
    bytes: Uint8Array,
    teller: Cid | null = null,
    documents: IdentityDirectory = this.directory,
  ): Promise<void> {
    const revocation = parseStatement([revocationStatement], bytes);
    const { identity, createdAt } = revocation.body;
    const isKnown = await this.isAdmitted(identity, documents);
    if (isKnown && this.directory.standingOf(documents.firstOf(identity)) === 'revoked') return;
    assertNotAhead(createdAt, this.#now());
    if (!isKnown) {
      await keepEarlyRevocation(this.#database, revocation, teller);
      return;
    }
    const lineage = documents.lineageOf(identity);
    await this.#stored.write(async (sql) => {
      const directory = new IdentityDirectory({ below: this.directory });
      directory.add(lineage.map((one) => one.bytes));
      const first = directory.firstOf(identity);
      if (directory.standingOf(first) === 'revoked') return;
      assertRevokes(revocation, first, directory);
      for (const one of lineage) await insertDocument(sql, first, one); // its row is verified again by what it names
      await insertRevocation(sql, first, bytes);
    });
  }

  /**
   * Ends a fork by the recovery key's word.
   *
   * @throws `identity_not_found`, `identity_not_admitted`, `signature_invalid`, `identity_invalid`, `time_ahead`
   */
  async decide(bytes: Uint8Array): Promise<void> {
    const decision = parseStatement([decisionStatement], bytes);
    const judged = await this.judge(decision, new IdentityDirectory({ below: this.directory }));
    if (judged !== null) await this.learn([], [judged]);
  }

  /**
   * Holds a Decision against what is known and what came with it, and has `directory` go by it.
   *
   * @returns null for one that is stored already
   * @throws `identity_not_found`, `identity_not_admitted`, `signature_invalid`, `identity_invalid`, `time_ahead`
   */
  async judge(decision: Decision, directory: IdentityDirectory): Promise<JudgedDecision | null> {
    await this.assertAdmitted(directory.firstOf(decision.body.identity));
    return judgeDecision(this.#database, decision, directory, this.#now());
  }

  /**
   * Has a chain go on with a document that is stored here, by the word of this node's operator and for this node alone.
   *
   * @throws `identity_not_found`; `identity_invalid` where the recovery key decided for another
   */
  async follow(document: Cid): Promise<void> {
    await this.#stored.write(async (sql) => {
      const first = this.directory.firstOf(document);
      const directory = new IdentityDirectory({ below: this.directory });
      directory.decide(document, 'operator');
      await insertDecision(sql, first, document, null);
      await this.#endEarly(sql, directory, first);
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
    return this.#stored.chains.lines();
  }

  /** The newest document of the chain of `cid`: whom to seal to. @throws `identity_not_found`, `identity_frozen` */
  newestOf(cid: Cid): Identity {
    return this.directory.newestOf(cid);
  }
}

/** Names what an operator has to give as well. @throws `identity_invalid` */
function assertPredecessors(given: readonly Identity[], directory: IdentityDirectory): void {
  const cids = new Set(given.map(({ cid }) => cid));
  for (const { cid, prev } of given) {
    if (prev === null || cids.has(prev) || directory.find(prev) !== undefined) continue;
    throw new DtaError(
      'identity_invalid',
      `the predecessor of ${cid} is missing: give the chain's documents together`,
      {
        metadata: { identity: prev },
      },
    );
  }
}

/** By generation, and within one by name: in an order that is the same however they are given. */
function oldestFirst(identities: readonly Identity[], directory: IdentityDirectory): Identity[] {
  const generation = new Map(identities.map(({ cid }) => [cid, directory.lineageOf(cid).length]));
  const at = ({ cid }: Identity) => generation.get(cid) ?? 0;
  return [...identities].sort((a, b) => at(a) - at(b) || (a.cid < b.cid ? -1 : 1));
}
