import type { Cid } from '@dta/codec';
import { handOn, wipe } from '@dta/crypto';
import {
  decodeBundle,
  encodeBundle,
  openEnvelope,
  parseEnvelope,
  verifyEnvelope,
  type Bundle,
  type Envelope,
} from '@dta/envelope';
import { DtaError, isDtaError } from '@dta/errors';
import { assertNotAhead, IdentityDirectory, type Role } from '@dta/identity';
import {
  assertMaySpeak,
  messageOf,
  type Evidence,
  readStatements,
  type OpenSecret,
  type Outcome,
  type DrawingContext,
  type StepContext,
  type Verb,
  type VerifiedStatements,
} from '@dta/order';
import type { Logger } from '@dta/service';
import type { Admission } from './admission.js';
import { begin } from './begun.js';
import { fromColumn } from './byte-list.js';
import type { Clock } from './clock.js';
import { commit, type StoredReply } from './commit.js';
import type { Database } from './database.js';
import type { KeyRing } from './key-ring.js';
import { addLineage } from './lineage.js';
import { orderColumns, type OrderTable, type StoredOrder, type Versioned } from './order-table.js';
import { OrdersAtHand, type KnownOrder } from './orders-at-hand.js';
import type { RefusalLog, Told } from './refusal-log.js';
import { addRiding, namedIn } from './riding-documents.js';
import type { SecretStore } from './secret-store.js';
import { hasAnswered, SaidAgain } from './said-again.js';
import { sealOrderEnvelope } from './sealer.js';

/** How often a step is computed anew when somebody else wrote the order meanwhile. */
const ATTEMPTS = 5;

/** A message that passed every check up to its statements' signatures. */
export interface PeerMessage {
  readonly evidence: Evidence;
  readonly attachments: readonly Uint8Array[];
  /** further envelopes, as bytes */
  readonly envelopes: readonly Uint8Array[];
}

/** What a step may use beside the order and the message. */
export interface StepTools {
  readonly context: StepContext;
  /** for a step that makes secrets: the context with a fresh seed, wiped after the step */
  readonly draw: () => Promise<DrawingContext>;
  readonly open: OpenSecret;
}

/** One step of this role, on an order as it stands. */
export type PeerStep<O> = (order: O | undefined, message: PeerMessage, tools: StepTools) => Promise<Outcome<O>>;

/** What an inbox is made of. */
export interface InboxParts<O> {
  readonly role: Role;
  readonly database: Database;
  readonly ring: KeyRing;
  readonly admission: Admission;
  readonly secrets: SecretStore;
  readonly verified: VerifiedStatements;
  readonly orders: OrderTable<O>;
  readonly log: Logger;
  readonly refusals: RefusalLog;
  readonly clock: Clock;
  readonly now: () => number;
}

/**
 * Answers messages of the table `messages`: checks, opens, takes one step, stores it with its reply, and only then answers. A
 * repeated message gets the stored reply, whatever has become of its sender; a step that was taken and comes in another
 * envelope leaves nothing behind.
 */
export class Inbox<O extends { readonly state: string }> {
  readonly #parts: InboxParts<O>;
  readonly #atHand = new OrdersAtHand<O>();
  readonly #saidAgain = new SaidAgain();

  constructor(parts: InboxParts<O>) {
    this.#parts = parts;
  }

  /**
   * @param payload a bundle
   * @returns the reply's bundle
   * @throws what any check refuses the message for
   */
  async answer(verb: Verb, payload: Uint8Array, step: PeerStep<O>): Promise<Uint8Array> {
    const about: Asked = { verb, peer: null, isVerified: false, order: null };
    try {
      return await this.#answer(about, payload, step);
    } catch (error) {
      this.#parts.refusals.refused(about, error);
      throw error;
    }
  }

  async #answer(about: Asked, payload: Uint8Array, step: PeerStep<O>): Promise<Uint8Array> {
    const { verb } = about;
    const bundle = decodeBundle(payload);
    const { envelope, directory } = await this.#checkSender(bundle, about);
    const guessed = await this.#guess(verb, bundle, envelope, directory, step);
    if (guessed !== undefined) return guessed;
    let known = await this.#read(verb, envelope);
    if (known.reply !== null) return this.#bundle(known.reply);
    let message = await this.#open(bundle, envelope, directory, known.stored);
    for (let attempt = 1; ; attempt++) {
      try {
        return this.#bundle(await this.#take(verb, envelope, message, known.order, step));
      } catch (error) {
        // another replica may have taken this very step meanwhile, and erased what ours needed
        known = await this.#read(verb, envelope);
        if (known.reply !== null) return this.#bundle(known.reply);
        if (isDtaError(error, 'write_conflict') && attempt < ATTEMPTS) {
          message = { ...message, evidence: message.evidence.at(this.#parts.now()) }; // it may have slept beyond a time limit
          continue;
        }
        throw error;
      }
    }
  }

  /** The answer from what is at hand of the order; undefined where there is nothing, or it may have been out of date. */
  async #guess(
    verb: string,
    bundle: Bundle,
    envelope: Envelope,
    directory: IdentityDirectory,
    step: PeerStep<O>,
  ): Promise<Uint8Array | undefined> {
    const ref = envelope.header.order;
    const known = ref === null ? undefined : this.#atHand.before(ref, verb, envelope.cid);
    if (ref === null || known === undefined) return undefined;
    try {
      const message = await this.#open(bundle, envelope, directory, known.stored);
      return this.#bundle(await this.#take(verb, envelope, message, known.order, step));
    } catch {
      this.#atHand.forget(ref); // what the database has is read, and says why
      return undefined;
    }
  }

  /** Admission and signature of whoever sent the message, before anything is decrypted. */
  async #checkSender(bundle: Bundle, about: Asked): Promise<{ envelope: Envelope; directory: IdentityDirectory }> {
    const { admission } = this.#parts;
    const [bytes = new Uint8Array()] = bundle.envelopes;
    const envelope = parseEnvelope(bytes);
    const { sender, order } = envelope.header;
    Object.assign(about, { peer: sender, order });
    const directory = new IdentityDirectory({ below: admission.directory });
    await addLineage(directory, admission, sender, bundle.identities, this.#parts.now());
    verifyEnvelope(envelope, directory.get(sender));
    Object.assign(about, { peer: directory.firstOf(sender), isVerified: true });
    const { from } = envelope.header;
    if (!messageOf(about.verb).from.includes(from))
      throw new DtaError('envelope_invalid', `${about.verb} is no verb of a ${from}`);
    if (envelope.header.prev.length > 0) throw new DtaError('envelope_invalid', 'a request refers to no envelope');
    return { envelope, directory };
  }

  async #open(
    bundle: Bundle,
    envelope: Envelope,
    directory: IdentityDirectory,
    stored: ReadonlySet<Cid>,
  ): Promise<PeerMessage> {
    const { ring, role, now, verified, admission } = this.#parts;
    assertNotAhead(envelope.header.createdAt, now()); // not of one that was answered: that gets its reply, whatever its date
    const statements = await openEnvelope(envelope, ring.openers(role));
    const named = () => namedIn(envelope.header, statements, verified);
    const identities = addRiding(directory, admission, bundle.identities, named, now());
    const evidence = readStatements(envelope.header, statements, { directory, stored, now: now(), verified });
    await admission.learn(identities);
    // though its statements are stored: only an envelope that was answered is answered whoever sent it
    assertMaySpeak(directory.get(envelope.header.sender), directory);
    return { evidence, attachments: bundle.attachments, envelopes: bundle.envelopes.slice(1) };
  }

  async #take(
    verb: string,
    envelope: Envelope,
    message: PeerMessage,
    found: Versioned<O> | null,
    step: PeerStep<O>,
  ): Promise<StoredReply> {
    const { database, ring, role, secrets, orders, clock, now, verified, log } = this.#parts;
    const { evidence } = message;
    const again = this.#saidAgain.find(verb, evidence.order, envelope.cid);
    if (again !== undefined) return again;
    await clock.confirm(); // its reply is stored, date and all
    const context = { author: ring.author };
    const drawn: Uint8Array[] = [];
    const draw = async () => {
      const seed = await secrets.seed();
      drawn.push(seed);
      return { ...context, seed };
    };
    const tools = { context, draw, open: secrets.opener(evidence.order) };
    const begun = begin(now());
    const outcome = await step(found?.order, message, tools).finally(() => wipe(...drawn));
    const values = outcome.secrets.map(({ value }) => value); // sealing wipes them
    const wasAnswered = await handOn(
      values,
      async () => outcome.repeats && (await hasAnswered(database, verb, evidence.order, ring.author.identity.cid)),
    );
    const sealed = await Promise.all(outcome.secrets.map((secret) => secrets.seal(secret)));
    const sender = evidence.directory.newestOf(envelope.header.sender); // a retired key is answered nothing that it could read
    const recipients = [{ id: sender.cid, role: envelope.header.from, kem: sender.keys.kem }];
    const answer = await sealOrderEnvelope(
      ring,
      role,
      evidence.order,
      outcome.reply,
      recipients,
      [envelope.cid],
      now(),
      wasAnswered ? false : undefined,
    );
    const reply: StoredReply = {
      verb,
      request: envelope.cid,
      envelope: answer.bytes,
      further: outcome.envelopes,
      attachments: outcome.settled !== null ? [] : outcome.attachments,
    };
    if (wasAnswered) {
      for (const { cid } of evidence.statements) verified.delete(cid);
      this.#saidAgain.note(evidence.order, reply);
      log.info({ role, verb, orderReference: evidence.order }, 'a step was taken before: its answer is said again');
      return reply;
    }
    await commit(database, {
      order: orders.row(outcome.order, found?.version ?? null),
      statements: outcome.keep,
      secrets: sealed,
      erase: outcome.erase,
      envelopes: [answer],
      deliveries: [],
      close: [],
      reply,
      settled: outcome.settled,
      events: eventsOf(verb, found, outcome.order),
      answers: [],
      lease: null,
      notify: false,
      idempotency: null,
      begun,
      now: now(),
    });
    // of what is over nothing comes again soon: kept for long, it would be most of the garbage collector's work
    const isOver = outcome.settled !== null || outcome.envelopes.length > 0; // a Release is the last that a member is asked for
    if (isOver) {
      for (const { cid } of [...evidence.statements, ...outcome.reply]) verified.delete(cid);
      this.#atHand.forget(evidence.order);
    } else {
      for (const said of outcome.reply) verified.set(said.cid, said);
      this.#atHand.stepped(found, { ref: evidence.order, order: outcome.order, keep: outcome.keep }, reply);
    }
    log.info({ role, verb, orderReference: evidence.order, state: outcome.order.state }, 'a step was taken');
    return reply;
  }

  /** All that this node has of a message's order: a reply given before, the row, which statements are stored. */
  async #read(verb: string, { cid: request, header }: Envelope): Promise<Known<O>> {
    const { database, orders } = this.#parts;
    const [row] = await database.query<KnownRow>(
      `SELECT r.envelope, r.further, r.attachments, ${orderColumns('o')},
         (SELECT array_agg(cid) FROM statements WHERE order_ref = $3) AS stored
       FROM (VALUES (0)) AS one LEFT JOIN replies r ON r.verb = $1 AND r.request = $2 LEFT JOIN orders o ON o.ref = $3`,
      [verb, request, header.order],
    );
    const { envelope = null, further = null, attachments = null, stored = null } = row ?? {};
    const reply =
      envelope === null
        ? null
        : {
            verb,
            request,
            envelope: new Uint8Array(envelope),
            further: fromColumn(further),
            attachments: fromColumn(attachments),
          };
    const isThere = reply === null && row !== undefined && row.ref !== null; // a stored reply needs nothing of the order
    return { reply, order: isThere ? orders.read(row as StoredOrder) : null, stored: new Set(stored) }; // its key is there
  }

  #bundle({ envelope, further, attachments }: StoredReply): Uint8Array {
    return encodeBundle({
      envelopes: [envelope, ...further],
      attachments: [...attachments],
      identities: this.#parts.ring.identities.map(({ bytes }) => bytes),
    });
  }
}

/** A message that is being answered, as far as it is known. */
type Asked = Told & { readonly verb: Verb };

/** What a node has of the order of a message. */
interface Known<O> extends KnownOrder<O> {
  readonly reply: StoredReply | null;
}

type KnownRow = { [column in keyof StoredOrder]: StoredOrder[column] | null } & {
  envelope: Buffer | null;
  further: Buffer | null;
  attachments: Buffer | null;
  stored: Cid[] | null;
};

function eventsOf<O extends { readonly state: string }>(verb: string, before: Versioned<O> | null, after: O): string[] {
  return before?.order.state === after.state ? [verb] : [after.state];
}
