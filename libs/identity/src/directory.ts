import type { Cid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import { readIdentity, verifySuccession, type Identity } from './identity.js';
import { followLine, type Line } from './line.js';

/**
 * The most documents of one chain. All of a party's travel with an order's messages: with twelve each, the largest message
 * of the largest order still fits a bundle (docs/protocol.md §3).
 */
export const MAX_GENERATIONS = 12;

/** How a chain stands: only a `sound` one says anything new. */
export type IdentityStanding = 'sound' | 'frozen' | 'revoked';

/**
 * Identity Documents by CID, with their chains checked. It makes signatures checkable; whom to act for is admission's
 * question. A directory may lie on top of another, so that documents riding along with one message add to what a node
 * knows without becoming part of it.
 */
export class IdentityDirectory {
  readonly #below: IdentityDirectory | undefined;
  readonly #read: (bytes: Uint8Array) => Identity;
  readonly #identities = new Map<Cid, Identity>();
  readonly #first = new Map<Cid, Cid>();
  /** documents of each chain that this directory learnt, in that order */
  readonly #seen = new Map<Cid, Identity[]>();
  readonly #decided = new Map<Cid, Decided>();
  readonly #revoked = new Set<Cid>();

  constructor(options: { below?: IdentityDirectory; read?: (bytes: Uint8Array) => Identity } = {}) {
    this.#below = options.below;
    this.#read = options.read ?? options.below?.reader ?? readIdentity;
  }

  /** Reads and checks one document; a caching one may be given at construction. */
  get reader(): (bytes: Uint8Array) => Identity {
    return this.#read;
  }

  /**
   * Adds documents, in any order: each as soon as its predecessor is there. Ones already known cost nothing.
   *
   * @throws `identity_invalid` for one that does not verify, whose predecessor isn't at hand, or whose chain is too long
   */
  add(documents: readonly Uint8Array[]): Identity[] {
    const added = documents.map((bytes) => this.#read(bytes));
    for (let waiting = added; waiting.length > 0;) {
      const before = waiting.length;
      waiting = waiting.filter((identity) => !this.#inserted(identity));
      if (waiting.length === before)
        throw new DtaError('identity_invalid', 'the predecessor of an identity document is missing');
    }
    return added;
  }

  /** Inserts a document that is new; false where its predecessor isn't there. */
  #inserted(identity: Identity): boolean {
    if (this.find(identity.cid) !== undefined) return true;
    if (identity.prev !== null && this.find(identity.prev) === undefined) return false;
    this.#insert(identity);
    return true;
  }

  #insert(identity: Identity): void {
    if (identity.prev !== null) {
      verifySuccession(this.get(identity.prev), identity);
      if (this.lineageOf(identity.prev).length >= MAX_GENERATIONS) {
        throw new DtaError('identity_invalid', `a chain has at most ${MAX_GENERATIONS} documents`);
      }
    }
    const first = identity.prev === null ? identity.cid : this.firstOf(identity.prev);
    this.#identities.set(identity.cid, identity);
    this.#first.set(identity.cid, first);
    this.#seen.set(first, [...(this.#seen.get(first) ?? []), identity]);
  }

  /** The document of that CID, or undefined. */
  find(cid: Cid): Identity | undefined {
    return this.#identities.get(cid) ?? this.#below?.find(cid);
  }

  /** The document of that CID. @throws `identity_not_found` */
  get(cid: Cid): Identity {
    const identity = this.find(cid);
    if (identity === undefined) {
      throw new DtaError('identity_not_found', 'no identity document at hand for that CID', {
        metadata: { identity: cid },
      });
    }
    return identity;
  }

  /** The CID of the first document of the chain that `cid` belongs to: the chain's name. @throws `identity_not_found` */
  firstOf(cid: Cid): Cid {
    const first = this.#first.get(cid) ?? this.#below?.findFirst(cid);
    if (first === undefined) {
      throw new DtaError('identity_not_found', 'no identity document at hand for that CID', {
        metadata: { identity: cid },
      });
    }
    return first;
  }

  /** The chain's name, or undefined. */
  findFirst(cid: Cid): Cid | undefined {
    return this.#first.get(cid) ?? this.#below?.findFirst(cid);
  }

  /** Whether two documents belong to one chain: authorship in an order is by chain. */
  sameChain(a: Cid, b: Cid): boolean {
    return a === b || this.firstOf(a) === this.firstOf(b);
  }

  /** How the documents of the chain of `cid` hang together. @throws `identity_not_found` */
  lineOf(cid: Cid): Line {
    const first = this.firstOf(cid);
    const { recovery, operator } = this.#decidedOf(first);
    const goesFurther = recovery === undefined || (operator !== undefined && this.#follows(operator, recovery));
    const decided = goesFurther ? operator : recovery;
    return followLine(this.documentsOf(first), decided === undefined ? [] : this.lineageOf(decided).map(cidOf));
  }

  /**
   * All documents of the chain of `cid` that are known, on its line or not, in the order in which they were learnt: what lies
   * below was there before.
   *
   * @throws `identity_not_found`
   */
  documentsOf(cid: Cid): readonly Identity[] {
    const first = this.firstOf(cid);
    const below = this.#below?.findFirst(first) === undefined ? [] : this.#below.documentsOf(first);
    const own = this.#seen.get(first) ?? [];
    if (below.length === 0 || own.length === 0) return below.length === 0 ? own : below;
    const known = new Set(below.map(cidOf)); // the directory below may have learnt one that was already here
    return [...below, ...own.filter(({ cid }) => !known.has(cid))];
  }

  #decidedOf(first: Cid): Decided {
    const below = this.#below === undefined ? {} : this.#below.#decidedOf(first);
    return { ...below, ...this.#decided.get(first) };
  }

  /** The chain of `cid` as this directory goes by it, first document first, newest last. @throws `identity_not_found` */
  chainOf(cid: Cid): readonly Identity[] {
    return this.lineOf(cid).documents;
  }

  /**
   * The newest document of the chain of `cid`: whom to seal to.
   *
   * @throws `identity_not_found`; `identity_frozen` where two documents claim to be it
   */
  newestOf(cid: Cid): Identity {
    const { documents, rivals } = this.lineOf(cid);
    if (rivals.length === 0) return documents.at(-1) ?? this.get(cid);
    throw new DtaError('identity_frozen', 'two documents follow the same one, and nothing has decided between them', {
      metadata: { identity: cid },
    });
  }

  /** Whether no document follows `cid`, nor took its place, as this directory goes by its chain. @throws `identity_not_found` */
  isNewest(cid: Cid): boolean {
    return this.chainOf(cid).at(-1)?.cid === cid;
  }

  /** The documents that make `cid` checkable: it and all before it, first document first. */
  lineageOf(cid: Cid): Identity[] {
    const identity = this.get(cid);
    return identity.prev === null ? [identity] : [...this.lineageOf(identity.prev), identity];
  }

  /**
   * Has the chain of `document` go on with it, whatever was seen first; checked by `verifyDecision` before, where it is by
   * the recovery key. That key outranks an operator, and does not change its mind.
   *
   * @throws `identity_not_found`; `identity_invalid` where another was decided for
   */
  decide(document: Cid, by: keyof Decided): void {
    const first = this.firstOf(document);
    const { recovery, operator } = this.#decidedOf(first);
    if (recovery !== undefined) {
      if (this.#follows(recovery, document)) return; // it says less than what is known
      if (!this.#follows(document, recovery)) {
        throw new DtaError('identity_invalid', 'the recovery key decided for another document', {
          metadata: { identity: document, decided: recovery },
        });
      }
    }
    if (by === 'operator' && operator !== undefined && this.#follows(operator, document)) return;
    this.#decided.set(first, { ...this.#decided.get(first), [by]: document });
  }

  /** Whether `document` is `predecessor`, or comes after it. */
  #follows(document: Cid, predecessor: Cid): boolean {
    return this.lineageOf(document).some(({ cid }) => cid === predecessor);
  }

  /** Ends a chain; checked by `verifyRevocation` before. */
  revoke(first: Cid): void {
    this.#revoked.add(first);
  }

  /** How the chain of `cid` stands. @throws `identity_not_found` */
  standingOf(cid: Cid): IdentityStanding {
    const first = this.firstOf(cid);
    if (this.#isRevoked(first)) return 'revoked';
    return this.lineOf(first).rivals.length > 0 ? 'frozen' : 'sound';
  }

  #isRevoked(first: Cid): boolean {
    return this.#revoked.has(first) || (this.#below !== undefined && this.#below.#isRevoked(first));
  }
}

/** With which document a chain goes on, by whose word. */
interface Decided {
  readonly recovery?: Cid;
  readonly operator?: Cid;
}

function cidOf({ cid }: Identity): Cid {
  return cid;
}
