import { cidOf, type Cid } from '@dta/codec';
import { IDENTITIES_CACHED_MAX, IDENTITIES_CACHED_MAX_BYTES } from '@dta/contracts';
import { isDtaError } from '@dta/errors';
import {
  decisionStatement,
  IdentityDirectory,
  parseStatement,
  readIdentity,
  revocationStatement,
  verifyDecision,
  type Identity,
  type Line,
} from '@dta/identity';
import { LRUCache } from 'lru-cache';
import { assertRevokes } from './chain-ends.js';
import type { ChainRow } from './chain-rows.js';

/** Where forks, and rows that say nothing, are told. */
export interface AdmissionLog {
  error(fields: object, sentence: string): void;
  info(fields: object, sentence: string): void;
}

/** Keeps silent. */
export const silent: AdmissionLog = { error: () => undefined, info: () => undefined };

/** The chains of an admission list, as its rows tell of them one after the other. */
export class Chains {
  readonly directory: IdentityDirectory;
  readonly #admitted = new Set<Cid>();
  readonly #log: AdmissionLog;
  readonly #verified: LRUCache<Cid, Identity>;

  constructor(log: AdmissionLog) {
    this.#log = log;
    const verified = new LRUCache<Cid, Identity>({
      max: IDENTITIES_CACHED_MAX,
      maxSize: IDENTITIES_CACHED_MAX_BYTES,
      sizeCalculation: ({ bytes }) => bytes.length,
    });
    this.#verified = verified;
    this.directory = new IdentityDirectory({
      read: (bytes) => {
        const cid = cidOf(bytes);
        const identity = verified.get(cid) ?? readIdentity(bytes);
        verified.set(cid, identity);
        return identity;
      },
    });
  }

  /** Whether a document was verified by itself lately, and is remembered: to read it again costs nothing. */
  hasRead(document: Cid): boolean {
    return this.#verified.has(document);
  }

  /** Whether a chain, by its first CID, is on the list. */
  has(first: Cid): boolean {
    return this.#admitted.has(first);
  }

  /** How each chain hangs together. */
  lines(): Line[] {
    return [...this.#admitted].map((first) => this.directory.lineOf(first));
  }

  /** Takes up what a row says, checked as if a stranger had written it: one that doesn't verify says nothing. */
  take(row: ChainRow): void {
    try {
      if (row.kind === 'document') this.#takeDocument(row.bytes);
      else if (row.kind === 'revocation') this.#takeRevocation(row.first, row.bytes);
      else if (row.kind === 'decision') this.#takeDecision(row.document, row.bytes);
    } catch (error) {
      if (!isDtaError(error)) throw error;
      const { kind, first } = row;
      this.#log.error(
        { chain: first, kind, code: error.code },
        'a stored row of a chain does not verify, and is left out',
      );
    }
  }

  #takeDocument(bytes: Uint8Array): void {
    for (const { cid } of this.directory.add([bytes])) {
      const first = this.directory.firstOf(cid);
      this.#admitted.add(first);
      const { rivals, forks } = this.directory.lineOf(first);
      const has = (documents: readonly Identity[]) => documents.some((one) => one.cid === cid);
      if (has(rivals))
        this.#log.error({ chain: first, identity: cid }, 'a chain is frozen: its live key made two successors');
      if (has(forks))
        this.#log.error({ chain: first, identity: cid }, 'retired keys of a chain made another successor: evidence');
    }
  }

  #takeRevocation(first: Cid, bytes: Uint8Array): void {
    assertRevokes(parseStatement([revocationStatement], bytes), first, this.directory);
    this.directory.revoke(first);
  }

  #takeDecision(document: Cid, bytes: Uint8Array | null): void {
    if (bytes !== null) {
      verifyDecision(parseStatement([decisionStatement], bytes), this.directory.lineageOf(document));
    }
    const by = bytes === null ? 'operator' : 'recovery';
    this.directory.decide(document, by);
    this.#log.info(
      { chain: this.directory.firstOf(document), identity: document, by },
      'a fork of a chain was decided',
    );
  }

  /**
   * What of these is to be noted, each after its predecessor: successors in admitted chains that aren't frozen or revoked, and
   * of a document that others follow already one more alone. It proves that its keys, and those after it, are in two hands.
   *
   * @param known what is to be noted before them, such as Decisions
   */
  newsIn(identities: readonly Identity[], known: IdentityDirectory = this.directory): Identity[] {
    const directory = new IdentityDirectory({ below: known });
    const news: Identity[] = [];
    for (let waiting = identities, before = -1; waiting.length !== before;) {
      before = waiting.length;
      waiting = waiting.filter((identity) => {
        const { prev, cid, bytes } = identity;
        if (prev === null || directory.find(cid) !== undefined) return false;
        if (directory.find(prev) === undefined) return true; // it may stand further on
        if (!this.#admitted.has(directory.firstOf(prev)) || !isNews(prev, directory)) return false;
        directory.add([bytes]);
        news.push(identity);
        return false;
      });
    }
    return news;
  }
}

/** Whether one more successor of `prev` tells anything. */
function isNews(prev: Cid, directory: IdentityDirectory): boolean {
  if (directory.standingOf(prev) !== 'sound') return false;
  const { documents, forks } = directory.lineOf(prev);
  return documents.some(({ cid }) => cid === prev) && !forks.some((fork) => fork.prev === prev);
}
