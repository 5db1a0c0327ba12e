import { type Cid } from '@dta/codec';
import { ORDERS_DRIVEN_MAX, ORDERS_LINGERING_MAX } from '@dta/contracts';
import { parseEnvelope } from '@dta/envelope';
import { DtaError, isDtaError } from '@dta/errors';
import {
  ask,
  dropLease,
  noteFailure,
  periodically,
  readLastError,
  takeLease,
  undriven,
  writeAnswers,
  type DeliveryAnswer,
  type Job,
  type Node,
} from '@dta/node';
import {
  advanceOrder,
  awaitingStates,
  checkAnswer,
  expirePrincipalOrder,
  expireRedemption,
  isQuestion,
  lacksCommitment,
  mayRenew,
  messageOf,
  renewCommitment,
  verbsWhere,
  type Answer,
  type PrincipalOrder,
  type PrincipalStep,
  type PrincipalVerb,
} from '@dta/order';
import { randomUUID } from 'node:crypto';
import { DriveQueue } from './drive-queue.js';
import { Drive } from './drive.js';
import type { DriverLoad } from './driver-gauges.js';
import { readOrder, writeStep, type OpenDelivery, type OpenOrder } from './open-order.js';
import type { OrderRepository } from './order.repository.js';
import type { OrderWatch } from './order-watch.js';
import { answerOf } from './plugin-answers.js';

const RESUME_MS = 2_000;
const LEASE_RENEWAL_MS = 5_000;
/** An order with nothing to do for longer is no longer driven. */
const IDLE_MS = 1_000;
/** A message whose time comes later than this may be sent at once, where there is a reason to. */
const LATE_MS = 5_000;
/** So many places may resumed orders take while others wait: enough to end them all, and too few to hold the others up. */
const RESUMED_MAX = ORDERS_DRIVEN_MAX / 4;
/** Answers that no step waits for are written together, at the latest after this long. */
const GATHER_MS = 500;

type Arrived = DeliveryAnswer & { readonly verb: PrincipalVerb };

/**
 * Drives orders: sends what is owed, takes the answers, makes the next step, until nothing is owed. One process drives at
 * most 16 at a time, and beside them some that linger: one that hangs must not keep all others waiting. Orders that nobody
 * drives are found and gone on with, so that any replica finishes what another began.
 */
export class OrderDriver implements Job {
  readonly #node: Node;
  readonly #orders: OrderRepository;
  /** this process's name in leases */
  readonly holder = randomUUID();
  readonly #driven = new Map<Cid, Drive>();
  readonly #queued = new DriveQueue();
  readonly #resumer: Job;
  #stopped = false;

  constructor(node: Node, orders: OrderRepository, watch: OrderWatch) {
    this.#node = node;
    this.#orders = orders;
    watch.onChange((ref, version) => this.#driven.get(ref as Cid)?.changed(version)); // only looked up
    this.#resumer = periodically('resume', RESUME_MS, node.log, () => this.#resume());
  }

  /** Begins to drive an order, now or when a place is free. */
  drive(ref: Cid, open: OpenOrder | null = null): void {
    if (this.#stopped) return;
    const drive = this.#driven.get(ref);
    if (drive === undefined) this.#queued.add(ref, open);
    else if (open !== null) drive.take(open);
    this.#startQueued();
  }

  /**
   * For a caller that wants to begin something and waits `waitMs` for its end.
   *
   * @throws `busy` where it would not be begun in time
   */
  assertTurn(what: 'order' | 'redemption', waitMs: number): void {
    if (this.#places() <= 0 || this.#queued.size > 0) this.#queued.assertTurn(what, waitMs);
  }

  /** How much it has to do now. */
  get load(): DriverLoad {
    return { driven: this.#driven.size - this.#lingering(), queued: this.#queued.size };
  }

  #startQueued(): void {
    while (!this.#stopped && this.#places() > 0) {
      const next = this.#queued.next((ref) => !this.#driven.has(ref), this.#resumed() < RESUMED_MAX);
      if (next === undefined) return;
      const { ref, open, isResumed } = next;
      const drive = new Drive(isResumed);
      this.#driven.set(ref, drive);
      drive.done = this.#driveLogged(ref, open, drive).finally(() => {
        this.#driven.delete(ref);
        if (drive.newer !== null) this.#queued.add(ref, drive.newer);
        this.#startQueued();
      });
    }
  }

  #lingering(): number {
    return [...this.#driven.values()].filter((drive) => drive.lingers).length;
  }

  /** How many resumed orders hold a place. */
  #resumed(): number {
    return [...this.#driven.values()].filter(({ isResumed, lingers }) => isResumed && !lingers).length;
  }

  /** How many more orders may be driven now. */
  #places(): number {
    return ORDERS_DRIVEN_MAX - this.load.driven;
  }

  async #resume(): Promise<void> {
    const wanted = Math.max(RESUMED_MAX, this.#places() - this.#queued.size) - this.#queued.resumed;
    if (wanted <= 0 || !this.#node.clock.agrees) return;
    for (const ref of await undriven(this.#node.database, wanted, awaitingStates)) this.drive(ref);
  }

  async #driveLogged(ref: Cid, open: OpenOrder | null, drive: Drive): Promise<void> {
    const { database, log } = this.#node;
    try {
      // the lease of an order that this process has just written was taken in the same statement
      if (open === null && !(await takeLease(database, ref, this.holder))) return;
      const begun = performance.now();
      const start = open ?? (await readOrder(this.#node, this.#orders, ref));
      const isDone = await this.#drive(start, drive);
      if (isDone && !drive.lingers) this.#queued.ended(performance.now() - begun);
      if (!isDone) await dropLease(database, ref, this.holder);
    } catch (error) {
      // it can't be driven before its rows are put right, and the log has said so: until then the lease spares another look
      if (isDtaError(error, 'record_invalid')) return;
      // whoever else holds the lease goes on, or a resumer does
      if (isDtaError(error, 'write_conflict')) log.info({ orderReference: ref }, 'another replica moved the order');
      else if (isDtaError(error, 'busy')) log.info({ orderReference: ref }, 'the order is left to a newer replica');
      else if (isDtaError(error, 'clock_skewed')) log.info({ orderReference: ref }, 'the order waits for the clock');
      else if (isDtaError(error, 'identity_frozen'))
        log.info({ orderReference: ref }, 'the order waits: a party is frozen');
      else log.error({ orderReference: ref, err: error }, 'driving an order was interrupted');
      await dropLease(database, ref, this.holder).catch(() => undefined); // it runs out by itself
    }
  }

  /** Drives until nothing is due. Whether nothing is owed at all: then nobody needs the lease. */
  async #drive(order: OpenOrder, drive: Drive): Promise<boolean> {
    let open = order;
    const arrived: Arrived[] = [];
    const sending = new Map<OpenDelivery, Promise<void>>();
    let leaseUntil = performance.now() + LEASE_RENEWAL_MS;
    let gathering: number | null = null;
    let renewable = true; // until it was looked at; again when a message has been answered or refused
    while (!this.#stopped) {
      if (performance.now() > leaseUntil) {
        if (!(await takeLease(this.#node.database, open.order.ref, this.holder))) return false;
        leaseUntil = performance.now() + LEASE_RENEWAL_MS;
      }
      await this.#node.clock.confirm(); // whatever comes next is dated, and stored
      open = await this.#newest(open, drive);
      const batch = [...arrived];
      let moved = await this.#move(open, batch);
      if (moved === null && renewable) {
        renewable = false;
        moved = await this.#renew(open, batch);
      }
      drive.isAwaited = awaitingStates.includes((moved ?? open).order.state);
      if (moved !== null) {
        drive.heard();
        open = moved;
        arrived.splice(0, batch.length);
        continue;
      }
      if (arrived.length > batch.length) continue; // more came meanwhile
      if (
        batch.length > 0 &&
        (sending.size === 0 || (gathering !== null && performance.now() - gathering >= GATHER_MS))
      ) {
        // no step follows from these, so somebody still owes an answer, or nobody waits for any
        open = await this.#write(open, batch);
        arrived.splice(0, batch.length);
        gathering = null;
        continue;
      }
      const owed = open.deliveries.filter(({ answered }) => answered === null);
      if (owed.length === 0 && arrived.length === 0) {
        for (const { cid } of open.evidence.statements) this.#node.verified.delete(cid);
        return true;
      }
      const now = performance.now();
      const sendable = owed.filter((delivery) => !sending.has(delivery) && maySend(delivery, open));
      for (const delivery of sendable.filter(({ dueAt }) => dueAt <= now)) {
        const sent = this.#send(open, delivery)
          .then((answer) => {
            renewable = true;
            if (delivery.lastError === 'timeout' && answer === null) drive.hangs();
            else drive.heard();
            if (answer === null && lacksCommitment(delivery)) this.#hasten(open, delivery);
            if (answer === null) return;
            delivery.answered = { envelopes: answer.envelopes };
            arrived.push(answer);
            gathering ??= performance.now();
          })
          .finally(() => sending.delete(delivery));
        sending.set(delivery, sent);
      }
      const next = Math.min(
        ...sendable.map(({ dueAt }) => dueAt).filter((dueAt) => dueAt > now),
        now + LEASE_RENEWAL_MS,
      );
      if (sending.size === 0 && arrived.length === 0 && next - now > IDLE_MS) return false; // the resumer comes back to it
      const pause = arrived.length > 0 ? Math.min(GATHER_MS, next - now) : next - now;
      await drive.pause([...sending.values()], pause);
      if (!drive.lingers) continue;
      this.#startQueued();
      if (arrived.length === 0 && this.#lingering() > ORDERS_LINGERING_MAX) return false;
    }
    // the step as well where these complete it: with nothing owed, no other replica would find the order
    if (arrived.length > 0 && (await this.#move(open, [...arrived])) === null) await this.#write(open, arrived);
    return false;
  }

  /** The order as somebody else left it meanwhile: a redemption begins while the Commitment is still being delivered. */
  async #newest(open: OpenOrder, drive: Drive): Promise<OpenOrder> {
    const version = open.version ?? 0;
    const { newer } = drive;
    drive.newer = null;
    if (newer !== null && (newer.version ?? 0) > version) return newer;
    return drive.notified > version ? readOrder(this.#node, this.#orders, open.order.ref) : open;
  }

  /** The order one step further, or null where it waits. */
  async #move(open: OpenOrder, arrived: readonly Arrived[]): Promise<OpenOrder | null> {
    const owing = open.deliveries
      .filter(({ answered, verb }) => answered === null && messageOf(verb).awaited)
      .map(({ party, lastError }) => ({ party, lastError }));
    const expired = this.#expire(open.order, owing);
    const answers: Answer[] = [...open.answers, ...arrived];
    const evidence = open.evidence.with(...arrived.flatMap(({ statements }) => statements)).at(this.#node.now());
    // a Receipt in hand ends a redemption though its time has passed meanwhile
    const mayAdvance = expired === open.order || expired.state === 'committed';
    const advanced = mayAdvance ? await advanceOrder(open.order, evidence, answers, this.#node.ring) : null;
    if (advanced === null && expired !== open.order) {
      const step: PrincipalStep = {
        ...{ order: expired, keep: [], outgoing: [], settled: 'redemption' },
        closes: expired.state === 'committed' ? verbsWhere(({ part }) => part === 'redemption') : 'all',
      };
      return writeStep(this.#node, this.#orders, open, step, open.evidence, { answers: arrived });
    }
    if (advanced === null) return null;
    const { ref, commitment } = advanced.order;
    const certified = open.order.commitment === null && commitment !== null ? { ref, commitment } : null; // made of the evidence just now
    return writeStep(this.#node, this.#orders, open, advanced, evidence, {
      answers: arrived,
      ...(certified !== null && (await answerOf(this.#node, certified, evidence))),
    });
  }

  /** The order after its time: what is for good waits while the clocks are in doubt. */
  #expire(order: PrincipalOrder, owing: Parameters<typeof expirePrincipalOrder>[1]): PrincipalOrder {
    const { clock, now } = this.#node;
    return clock.doubt === null ? expirePrincipalOrder(order, owing, now()) : expireRedemption(order, now());
  }

  /**
   * The order with a late Commitment on its way again, or null. What goes wrong with it stops nothing else: it is tried again
   * when the next message has been answered or refused.
   */
  async #renew(open: OpenOrder, arrived: readonly Arrived[]): Promise<OpenOrder | null> {
    const owed = open.deliveries.filter(({ answered }) => answered === null);
    if (!mayRenew(owed)) return null;
    const evidence = open.evidence.with(...arrived.flatMap(({ statements }) => statements)).at(this.#node.now());
    try {
      const standing = owed.map((delivery) => ({
        ...delivery,
        current: !isQuestion(delivery.verb) || this.#isCurrent(delivery, open),
        sealed: this.#isSealed(delivery, open),
      }));
      const step = await renewCommitment(open.order, evidence, standing, this.#node.ring);
      if (step === null) return null;
      return await writeStep(this.#node, this.#orders, open, step, evidence, { answers: arrived });
    } catch (error) {
      if (isDtaError(error, 'write_conflict')) throw error;
      const known = isDtaError(error);
      const fields = { orderReference: open.order.ref, ...(known ? { code: error.code } : { err: error }) };
      this.#node.log[known ? 'info' : 'error'](fields, 'a late Commitment was not sent again');
      return null;
    }
  }

  /** Whether a message was sealed by and to the newest documents. */
  #isCurrent({ envelope, party }: OpenDelivery, { envelopes }: OpenOrder): boolean {
    const { ring, admission } = this.#node;
    const { header } = parseEnvelope(envelopes.get(envelope) ?? new Uint8Array());
    const { cid: newest } = admission.newestOf(party);
    return header.sender === ring.author.identity.cid && header.recipients.some(({ id }) => id === newest);
  }

  /** Whether a message is sealed to its party: one that is owed to a frozen party isn't, see {@link writeStep}. */
  #isSealed({ envelope, party, verb, lastError }: OpenDelivery, { envelopes }: OpenOrder): boolean {
    if (messageOf(verb).ifFrozen !== 'owe' || lastError !== 'identity_frozen') return true;
    const { directory } = this.#node.admission;
    const { header } = parseEnvelope(envelopes.get(envelope) ?? new Uint8Array());
    return header.recipients.some(({ id }) => directory.find(id) !== undefined && directory.sameChain(id, party));
  }

  async #write(open: OpenOrder, answers: readonly Arrived[]): Promise<OpenOrder> {
    await writeAnswers(this.#node.database, open.order.ref, answers);
    return {
      ...open,
      answers: [...open.answers, ...answers],
      evidence: open.evidence.with(...answers.flatMap(({ statements }) => statements)),
    };
  }

  /** Sends one delivery; null where it is still owed after. */
  async #send(open: OpenOrder, delivery: OpenDelivery): Promise<Arrived | null> {
    const { party, verb, envelope } = delivery;
    try {
      if (!this.#isSealed(delivery, open)) {
        await this.#node.admission.isAdmitted(party); // reads what was decided meanwhile, which no message may tell
        throw new DtaError('identity_frozen', 'the party is frozen, or was when the message was sealed');
      }
      const further = carriedOn(delivery, open);
      const bytes = open.envelopes.get(envelope) ?? new Uint8Array();
      const reply = await ask(this.#node, delivery, [bytes, ...further], partiesOf(this.#node, open.order));
      const answer = { party, verb, statements: reply.evidence.statements, attachments: reply.attachments };
      checkAnswer(open.order, answer, open.evidence, reply.envelopes);
      return { ...answer, envelope, envelopes: reply.envelopes };
    } catch (error) {
      const { lastError, dueInMs } = await noteFailure(this.#node.database, delivery, error);
      delivery.lastError = lastError;
      delivery.dueAt = performance.now() + dueInMs;
      this.#logFailure(open.order.ref, delivery, error);
      return null;
    }
  }

  /** A party that lacks the Commitment refuses a redemption: what would bring it in minutes is sent now. */
  #hasten({ deliveries }: OpenOrder, refused: OpenDelivery): void {
    const now = performance.now();
    for (const delivery of deliveries) {
      const isMissing = messageOf(delivery.verb).ifFrozen === 'owe' && delivery.party === refused.party;
      if ((isMissing || isQuestion(delivery.verb)) && delivery.dueAt > now + LATE_MS) delivery.dueAt = now;
    }
  }

  #logFailure(orderReference: Cid, { party, verb, lastError }: OpenDelivery, error: unknown): void {
    const { detail } = readLastError(lastError);
    const fields = {
      ...{ orderReference, party, verb, code: (error as Partial<DtaError>).code ?? 'internal' }, // read, not trusted
      ...(detail !== null && { detail }),
    };
    if (isDtaError(error)) this.#node.log.info(fields, 'a delivery is still owed');
    else this.#node.log.error({ ...fields, err: error }, 'a delivery failed');
  }

  /** Takes no more orders and lets go of those it drives: what is owed stays owed, in the database. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#resumer.stop();
    for (const drive of this.#driven.values()) drive.wake();
    await Promise.all([...this.#driven.values()].map(({ done }) => done));
  }
}

/** What goes after another verb is sent only with a threshold of that one's answers in hand. */
function maySend(delivery: OpenDelivery, open: OpenOrder): boolean {
  return messageOf(delivery.verb).after === null || carriedOn(delivery, open).length >= open.order.threshold;
}

/** Envelopes that answered the verb after which this one goes, for this one's recipient. */
function carriedOn({ verb, envelope }: OpenDelivery, { deliveries }: OpenOrder): Uint8Array[] {
  const { after } = messageOf(verb);
  return deliveries.flatMap((delivery) =>
    delivery.verb === after && delivery.envelope === envelope ? (delivery.answered?.envelopes ?? []) : [],
  );
}

/** Documents of all that an order names, so that each recipient can check every signature. */
function partiesOf({ admission, ring }: Node, { beneficiary, fiduciaries }: PrincipalOrder): Uint8Array[] {
  return [ring.first, beneficiary, ...fiduciaries].flatMap((party) =>
    admission.directory.chainOf(party).map(({ bytes }) => bytes),
  );
}
