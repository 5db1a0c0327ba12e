import type { Cid } from '@dta/codec';
import type { Block, DocumentStore } from '@dta/document-store';
import { parseSegment, signSegment } from '@dta/envelope';
import { DtaError, isDtaError } from '@dta/errors';
import type { Role } from '@dta/identity';
import type { Logger } from '@dta/service';
import { randomUUID } from 'node:crypto';
import type { Clock } from './clock.js';
import type { Sql } from './database.js';
import type { KeyRing } from './key-ring.js';
import { periodically } from './periodic.js';
import {
  dropPublication,
  envelopeBlocks,
  forgetPublished,
  markIdentityPublished,
  markPublished,
  owedIdentities,
  owedSegment,
  storeSegment,
  takePublication,
  unsignedEnvelopes,
  type LogHead,
} from './publication.js';
import type { Job } from './role-app.js';

/** How long an envelope may wait for company in its segment. */
const EVERY_MS = 500;
/** Envelopes of one segment: more make no batch faster, and each batch is put whole again where the store was away. */
const BATCH = 500;
const BATCH_BYTES = 16 * 1024 * 1024;
/** How long a store that is away is left alone: from the first to the longest. */
const AWAY_MIN_MS = 500;
const AWAY_MAX_MS = 5_000;

/** What a publisher is made of. */
export interface PublisherParts {
  readonly role: Role;
  readonly database: Sql;
  readonly ring: KeyRing;
  readonly store: DocumentStore;
  readonly log: Logger;
  readonly clock: Pick<Clock, 'agrees' | 'doubt' | 'now'>;
}

/**
 * Publishes what this role sent (docs/protocol.md §4): signs the next segment, stores it, and puts it with its envelopes
 * into the document store, the same bytes again and again until they are there. Nothing of an order waits for it.
 */
export function startPublisher(parts: PublisherParts): Job {
  const { role, database, log, clock } = parts;
  const holder = randomUUID();
  let stop = () => {};
  const stopping = new Promise<void>((resolve) => (stop = resolve));
  const publisher = new Publisher(parts, stopping);
  const away = new Away(role, log);
  const job = periodically('publish', EVERY_MS, log, async () => {
    if (!away.mayTry() || !clock.agrees) return; // a segment has a date, too
    try {
      for (let done: Published = 'more'; done === 'more' && !publisher.isStopped;) {
        done = await publisher.publishNext(holder);
        if (done !== 'nothing') away.isBack();
      }
      if (clock.doubt === null) await forgetPublished(database);
    } catch (error) {
      if (!isDtaError(error, 'store_unavailable')) throw error;
      if (!publisher.isStopped) away.isAway(error);
    }
  });
  return {
    stop: async () => {
      stop();
      await job.stop();
      await dropPublication(database, holder).catch((err: unknown) =>
        log.warn({ role, err }, 'a lease was not dropped'),
      );
    },
  };
}

/** Whether a step of publication did something, and whether there may be enough for another segment at once. */
type Published = 'nothing' | 'all' | 'more';

/** One step of publication after the other; each can be the last of this process. */
class Publisher {
  readonly #parts: PublisherParts;
  readonly #stopped: Promise<never>;
  /** own documents, by the key file that this process runs on */
  readonly #generations: readonly Cid[];
  isStopped = false;

  constructor(parts: PublisherParts, stopping: Promise<void>) {
    this.#parts = parts;
    this.#generations = parts.ring.identities.map(({ cid }) => cid);
    this.#stopped = stopping.then(() => {
      this.isStopped = true;
      throw new DtaError('store_unavailable', 'the process is stopping');
    });
    this.#stopped.catch(() => undefined); // for whoever waits for the store just then
  }

  /**
   * Puts what is owed, or signs what is next. A segment that wasn't full ends it for now: else what comes meanwhile would be
   * signed in ever smaller segments, and each costs as many statements as a full one.
   *
   * @throws `store_unavailable`
   */
  async publishNext(holder: string): Promise<Published> {
    const { database } = this.#parts;
    const head = await takePublication(database, holder, this.#generations);
    if (head === undefined) return 'nothing';
    for (const block of await owedIdentities(database)) {
      await this.#put(block.cid, [block]);
      await markIdentityPublished(database, block.cid);
    }
    const owed = await owedSegment(database);
    if (owed === undefined) return this.#signNext(head);
    const { envelopes } = parseSegment(owed.bytes);
    const blocks = await envelopeBlocks(database, envelopes);
    if (blocks.length < envelopes.length) {
      throw new DtaError('internal', 'envelopes of a segment that is not published yet are gone', {
        metadata: { segment: owed.segment },
      });
    }
    await this.#publish(owed, blocks);
    return 'more';
  }

  /**
   * The signature comes first, from an HSM maybe and slow, and only then the one statement that makes the segment the
   * next one, if the head is still what it follows.
   */
  async #signNext(head: LogHead | null): Promise<Published> {
    const { role, database, ring, clock } = this.#parts;
    const blocks = await unsignedEnvelopes(database, BATCH, BATCH_BYTES);
    if (blocks.length === 0) return 'nothing';
    const { identity, key } = ring.author;
    const envelopes = blocks.map(({ cid }) => cid);
    const seq = head === null ? 0 : head.seq + 1;
    const prev = head?.segment ?? null;
    const signed = await signSegment({ issuer: identity.cid, role, seq, prev, envelopes, now: clock.now() }, key);
    const segment = { seq, segment: signed.cid, bytes: signed.bytes };
    const isStored = await storeSegment(database, segment, prev, envelopes, this.#generations);
    if (!isStored) return 'more';
    await this.#publish(segment, blocks);
    const bytes = blocks.reduce((sum, block) => sum + block.bytes.length, 0);
    return blocks.length === BATCH || bytes >= BATCH_BYTES ? 'more' : 'all';
  }

  async #publish({ seq, segment, bytes }: LogHead & { bytes: Uint8Array }, envelopes: readonly Block[]): Promise<void> {
    const { role, database, log } = this.#parts;
    await this.#put(segment, [{ cid: segment, bytes }, ...envelopes]);
    await markPublished(
      database,
      seq,
      envelopes.map(({ cid }) => cid),
    );
    log.debug({ role, seq, segment, envelopes: envelopes.length }, 'segment published');
  }

  /** A put that the end of the process overtakes is made again after it, with the same bytes. */
  async #put(root: Cid, blocks: readonly Block[]): Promise<void> {
    const put = this.#parts.store.put({ root, blocks });
    put.catch(() => undefined); // nobody may be there any more to hear of it
    await Promise.race([put, this.#stopped]);
  }
}

/** Says once that the store went away and that it is back, and how long to leave it alone. */
class Away {
  readonly #role: Role;
  readonly #log: Logger;
  #waitMs = 0;
  #until = 0;

  constructor(role: Role, log: Logger) {
    this.#role = role;
    this.#log = log;
  }

  mayTry(): boolean {
    return performance.now() >= this.#until;
  }

  isAway(err: DtaError): void {
    if (this.#waitMs === 0) this.#log.warn({ role: this.#role, err }, 'the document store is away: envelopes wait');
    this.#waitMs = Math.min(Math.max(this.#waitMs * 2, AWAY_MIN_MS), AWAY_MAX_MS);
    this.#until = performance.now() + this.#waitMs;
  }

  isBack(): void {
    if (this.#waitMs > 0) this.#log.info({ role: this.#role }, 'the document store is back');
    this.#waitMs = 0;
  }
}
