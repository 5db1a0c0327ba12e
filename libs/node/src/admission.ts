import { cidOf, type Cid } from '@dta/codec';
import { IDENTITIES_CACHED_MAX, IDENTITIES_CACHED_MAX_BYTES } from '@dta/contracts';
import { DtaError } from '@dta/errors';
import {
  assertNotAhead,
  IdentityDirectory,
  parseStatement,
  readIdentity,
  revocationStatement,
  verifyRevocation,
  type Identity,
} from '@dta/identity';
import { LRUCache } from 'lru-cache';
import type { Sql } from './database.js';
import type { KeyRing } from './key-ring.js';
import { notAdmitted } from './refusal-log.js';

const RELOAD_MS = 1_000;

/**
 * One writer at a time: a row's number is drawn before it can be seen, and whoever reads by number must never meet a
 * higher one first, or it would not look for the lower one again.
 */
const INSERT = `INSERT INTO identities (cid, first, bytes, own)
  SELECT $1, $2, $3, $4 FROM pg_advisory_xact_lock(hashtext('dta identities'))
  ON CONFLICT (cid) DO UPDATE SET own = true WHERE excluded.own AND NOT identities.own`;

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
 * replica was told is known here a second later.
 */
export class Admission {
  readonly directory: IdentityDirectory;
  readonly #sql: Sql;
  readonly #now: () => number;
  readonly #own: ReadonlySet<Cid>;
  readonly #first: Cid;
  readonly #admitted = new Set<Cid>();
  readonly #revoked = new Set<Cid>();
  #seen = 0n;
  /** by the clock that nobody sets: one that went back would stop reloading for as long */
  #reloadAt = 0;
  #reloading: Promise<void> | undefined;

  private constructor(sql: Sql, ring: KeyRing, now: () => number) {
    this.#sql = sql;
    this.#first = ring.first;
    this.#now = now;
    this.#own = new Set(ring.identities.map(({ cid }) => cid));
    const verified = new LRUCache<Cid, Identity>({
      max: IDENTITIES_CACHED_MAX,
      maxSize: IDENTITIES_CACHED_MAX_BYTES,
      sizeCalculation: ({ bytes }) => bytes.length,
    });
    this.directory = new IdentityDirectory({
      read: (bytes) => {
        const cid = cidOf(bytes);
        const identity = verified.get(cid) ?? readIdentity(bytes);
        verified.set(cid, identity);
        return identity;
      },
    });
  }

  /** Reads the admission list, and writes the node's own documents into it. */
  static async open(sql: Sql, ring: KeyRing, now: () => number = Date.now): Promise<Admission> {
    const admission = new Admission(sql, ring, now);
    for (const identity of ring.identities) {
      await sql.query(INSERT, [identity.cid, ring.first, Buffer.from(identity.bytes), true]);
    }
    await admission.#reload();
    return admission;
  }

  async #reload(): Promise<void> {
    // revocations first: the chain that one ends was stored before it
    const revoked: { first: Cid }[] = await this.#sql.query('SELECT first FROM revocations WHERE first <> ALL ($1)', [
      [...this.#revoked],
    ]);
    const rows: { seq: string; bytes: Buffer }[] = await this.#sql.query(
      'SELECT seq, bytes FROM identities WHERE seq > $1 ORDER BY seq',
      [this.#seen.toString()],
    );
    for (const identity of this.directory.add(rows.map(({ bytes }) => new Uint8Array(bytes)))) {
      this.#admitted.add(this.directory.firstOf(identity.cid));
    }
    this.#seen = BigInt(rows.at(-1)?.seq ?? this.#seen);
    // verified when it was stored: later documents of the chain must not undo it
    for (const { first } of revoked) this.#end(first);
    this.#reloadAt = performance.now() + RELOAD_MS;
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
    return first !== undefined && this.#admitted.has(first);
  }

  /** Whether the chain of `cid` is admitted, as far as this process has been told. */
  knows(cid: Cid): boolean {
    const first = this.directory.findFirst(cid);
    return first !== undefined && this.#admitted.has(first);
  }

  /** @throws `identity_not_admitted`, which says whose list lacks whom */
  async assertAdmitted(cid: Cid, directory?: IdentityDirectory): Promise<void> {
    if (!(await this.isAdmitted(cid, directory))) {
      throw notAdmitted(this.#first, directory?.findFirst(cid) ?? cid);
    }
  }

  /**
   * Admits a chain by one of its documents, with its predecessors at hand.
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
    const added = this.directory.add(documents);
    const newest = added.at(-1);
    if (newest === undefined) throw new DtaError('identity_invalid', 'no identity document');
    const first = this.directory.firstOf(newest.cid);
    for (const identity of this.directory.lineageOf(newest.cid)) {
      await this.#sql.query(INSERT, [identity.cid, first, Buffer.from(identity.bytes), false]);
    }
    this.#admitted.add(first);
    return newest;
  }

  /**
   * Notes successors of admitted chains that came with a message; whatever else came is nobody's business here. A chain that
   * is frozen or revoked has no more to say.
   */
  async learn(identities: readonly Identity[]): Promise<void> {
    const byAge = [...new Map(identities.map((identity) => [identity.cid, identity])).values()];
    for (let waiting = byAge, before = -1; waiting.length !== before;) {
      before = waiting.length;
      const later: Identity[] = [];
      for (const identity of waiting) if (!(await this.#learnOne(identity))) later.push(identity);
      waiting = later; // a predecessor may stand after its successor
    }
  }

  /** Whether there is no more to do for it. */
  async #learnOne({ cid, prev, bytes }: Identity): Promise<boolean> {
    const { directory } = this;
    if (prev === null || directory.find(cid) !== undefined) return true;
    if (directory.find(prev) === undefined) return false;
    const first = directory.firstOf(prev);
    if (!this.#admitted.has(first) || directory.standingOf(first) !== 'sound') return true;
    await this.#sql.query(INSERT, [cid, first, Buffer.from(bytes), false]);
    directory.add([bytes]);
    return true;
  }

  /**
   * Ends an admitted chain. One that is ended already stays so, whatever is said of it later.
   *
   * @returns the chain's name
   * @throws `identity_not_found`, `identity_not_admitted`, `signature_invalid`, `identity_invalid`, `time_ahead`
   */
  async revoke(bytes: Uint8Array): Promise<Cid> {
    const revocation = parseStatement([revocationStatement], bytes);
    const first = this.directory.firstOf(revocation.body.identity);
    await this.assertAdmitted(first);
    if (this.directory.standingOf(first) === 'revoked') return first;
    assertNotAhead(revocation.body.createdAt, this.#now());
    verifyRevocation(revocation, this.directory.chainOf(first));
    await this.#sql.query('INSERT INTO revocations (first, bytes) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
      first,
      Buffer.from(bytes),
    ]);
    this.#end(first);
    return first;
  }

  #end(first: Cid): void {
    this.directory.revoke(first);
    this.#revoked.add(first);
  }

  /** The stored Revocation of a chain, or null. */
  async revocationOf(first: Cid): Promise<Uint8Array | null> {
    const rows: { bytes: Buffer }[] = await this.#sql.query('SELECT bytes FROM revocations WHERE first = $1', [first]);
    return rows.map(({ bytes }) => new Uint8Array(bytes))[0] ?? null;
  }

  isOwn(cid: Cid): boolean {
    return this.#own.has(cid);
  }

  /** The newest document of each admitted chain. */
  list(): Identity[] {
    return [...this.#admitted].map((first) => this.directory.chainOf(first).at(-1) ?? this.directory.get(first));
  }

  /** The newest document of the chain of `cid`: whom to seal to. @throws `identity_not_found` */
  newestOf(cid: Cid): Identity {
    return this.directory.chainOf(cid).at(-1) ?? this.directory.get(cid);
  }
}
