import { type Cid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import { readIdentity, verifySuccession, type Identity } from './identity.js';

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
  readonly #successors = new Map<Cid, Set<Cid>>();
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
   * Adds documents, in any order. Ones already known cost nothing.
   *
   * @throws `identity_invalid` for one that does not verify, whose predecessor isn't at hand, or whose chain is too long
   */
  add(documents: readonly Uint8Array[]): Identity[] {
    const added = documents.map((bytes) => this.#read(bytes));
    let waiting = added.filter(({ cid }) => this.find(cid) === undefined);
    while (waiting.length > 0) {
      const ready = waiting.filter(({ prev }) => prev === null || this.find(prev) !== undefined);
      if (ready.length === 0)
        throw new DtaError('identity_invalid', 'the predecessor of an identity document is missing');
      for (const identity of ready) this.#insert(identity);
      waiting = waiting.filter(({ cid }) => this.find(cid) === undefined);
    }
    return added;
  }

  #insert(identity: Identity): void {
    if (identity.prev !== null) {
      verifySuccession(this.get(identity.prev), identity);
      if (this.lineageOf(identity.prev).length >= MAX_GENERATIONS) {
        throw new DtaError('identity_invalid', `a chain has at most ${MAX_GENERATIONS} documents`);
      }
      const siblings = this.#successors.get(identity.prev) ?? new Set();
      this.#successors.set(identity.prev, siblings.add(identity.cid));
    }
    this.#identities.set(identity.cid, identity);
    this.#first.set(identity.cid, identity.prev === null ? identity.cid : this.firstOf(identity.prev));
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

  /** The documents that name `cid` as their predecessor: one after a rotation, two after a theft. */
  successorsOf(cid: Cid): Cid[] {
    // a set: the directory below may have learnt one that was already here
    return [...new Set([...(this.#below?.successorsOf(cid) ?? []), ...(this.#successors.get(cid) ?? [])])];
  }

  /** The chain of `cid`, first document first, up to where it ends or forks. */
  chainOf(cid: Cid): Identity[] {
    const chain = [this.get(this.firstOf(cid))];
    for (;;) {
      const [next, fork] = successorsOfLast(this, chain);
      if (next === undefined || fork !== undefined) return chain;
      chain.push(this.get(next));
    }
  }

  /** The documents that make `cid` checkable: it and all before it, first document first. */
  lineageOf(cid: Cid): Identity[] {
    const identity = this.get(cid);
    return identity.prev === null ? [identity] : [...this.lineageOf(identity.prev), identity];
  }

  /** Ends a chain; checked by `verifyRevocation` before. */
  revoke(first: Cid): void {
    this.#revoked.add(first);
  }

  /** How the chain of `cid` stands. @throws `identity_not_found` */
  standingOf(cid: Cid): IdentityStanding {
    const first = this.firstOf(cid);
    if (this.#revoked.has(first)) return 'revoked';
    if (this.#below?.findFirst(first) !== undefined && this.#below.standingOf(first) === 'revoked') return 'revoked';
    return successorsOfLast(this, this.chainOf(first)).length > 1 ? 'frozen' : 'sound';
  }
}

function successorsOfLast(directory: IdentityDirectory, chain: readonly Identity[]): Cid[] {
  const last = chain.at(-1);
  return last === undefined ? [] : directory.successorsOf(last.cid);
}
