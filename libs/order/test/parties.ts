import { bytesEqual, type Cid } from '@dta/codec';
import { kemKeyPair, randomBytes } from '@dta/crypto';
import {
  createIdentity,
  IdentityDirectory,
  isStatement,
  rotateIdentity,
  softwareSigningKey,
  type Identity,
  type Role,
  type SigningKey,
  type StatementOf,
  type StatementType,
} from '@dta/identity';
import {
  acceptOrder,
  advanceOrder,
  checkAnswer,
  commitEnrolment,
  commitOrder,
  confirmOrder,
  dealOrder,
  dealStatement,
  enrolOrder,
  Evidence,
  manifestStatement,
  noteManifest,
  placeOrder,
  redeemOrder,
  releaseShare,
  signRequest,
  startRedemption,
  takeReceipt,
  verifySetup,
  type Addressee,
  type Answer,
  type Author,
  type BeneficiaryOrder,
  type FiduciaryOrder,
  type NewSecret,
  type OrderStatement,
  type Outcome,
  type Outgoing,
  type PrincipalOrder,
  type PrincipalStep,
  type PrincipalVerb,
  type SecretName,
  type Setup,
  type DrawingContext,
  type TermsInput,
  type Verifier,
} from '../src/index.js';

export { replaced, restate } from './forge.js'; // for tests of roles too

export const NOW = 1_750_000_000_000;

const newKey = () => softwareSigningKey(randomBytes(32));

/** The signing key that each document of these tests commits to. */
const nextKeys = new Map<Cid, SigningKey>();

export async function author(name: string, ...roles: Role[]): Promise<Author> {
  const [key, next] = [newKey(), newKey()];
  const { publicKey: kem } = await kemKeyPair();
  const identity = await createIdentity({ name, roles, kem, next: next.publicKey, now: NOW }, key);
  nextKeys.set(identity.cid, next);
  return { identity, key };
}

/** The author with new keys: another each time it is asked for. */
export async function successor({ identity, key }: Author): Promise<Author> {
  const [own, next] = [known(nextKeys.get(identity.cid)), newKey()];
  const { publicKey: kem } = await kemKeyPair();
  const { name, roles } = identity;
  const rotated = await rotateIdentity(identity, { name, roles, kem, next: next.publicKey, now: NOW }, own, key);
  nextKeys.set(rotated.cid, next);
  return { identity: rotated, key: own };
}

export const context = (author: Author): DrawingContext => ({ author, seed: randomBytes(64) });

/** A fiduciary or a beneficiary: its row and its secrets, as custody and database would keep them. */
export class Node<O> {
  order: O | undefined;
  secrets: NewSecret[] = [];
  constructor(readonly author: Author) {}

  open = async (wanted: Omit<SecretName, 'request'>): Promise<Uint8Array> =>
    Uint8Array.from(this.secret(wanted.what, wanted.transcript).value);

  secret(what: SecretName['what'], transcript: Uint8Array | null = null): NewSecret {
    const fits = ({ name }: NewSecret) =>
      name.what === what && (transcript === null || bytesEqual(name.transcript ?? transcript, transcript));
    return known(this.secrets.find(fits));
  }

  take(outcome: Outcome<O>): Outcome<O> {
    this.order = outcome.order;
    this.secrets = [...this.secrets.filter(({ name }) => !outcome.erase.includes(name.what)), ...outcome.secrets];
    return outcome;
  }
}

/** A message on its way to one addressee. */
export interface Sent {
  readonly addressee: Addressee;
  readonly statements: readonly OrderStatement[];
  readonly attachments: readonly Uint8Array[];
}

/** What came back, and what its sender keeps. */
type Reply = Pick<Outcome<unknown>, 'reply' | 'attachments' | 'envelopes'> & Partial<Pick<Outcome<unknown>, 'keep'>>;

/** P, B and n fiduciaries without a network: a message is a call, and every message is read from bytes again. */
export class Parties {
  readonly directory = new IdentityDirectory();
  order!: PrincipalOrder; // set by `place`, before anything reads it
  statements: OrderStatement[] = [];
  answers: Answer[] = [];
  releases: Uint8Array[] = [];
  now = NOW;
  /** every message, as it was sent */
  readonly sent: Sent[] = [];
  /** statements of messages that arrived */
  readonly heard: OrderStatement[] = [];
  /** verbs whose messages are sent and never arrive */
  readonly held = new Set<PrincipalVerb>();

  constructor(
    readonly principal: Author,
    readonly beneficiary: Node<BeneficiaryOrder>,
    readonly fiduciaries: readonly Node<FiduciaryOrder>[],
    /** documents before theirs */
    earlier: readonly Identity[] = [],
  ) {
    this.directory.add([...earlier, ...this.identities].map(({ bytes }) => bytes));
  }

  static async of(n: number): Promise<Parties> {
    const fiduciaries = await Promise.all(Array.from({ length: n }, (_, at) => author(`F${at + 1}`, 'fiduciary')));
    return new Parties(
      await author('P', 'principal'),
      new Node(await author('B', 'beneficiary')),
      fiduciaries.map((fiduciary) => new Node(fiduciary)),
    );
  }

  /** An order of n fiduciaries as far as P has sent the messages of `verb`, which have not arrived. */
  static async before(verb: PrincipalVerb, n: number, terms: Partial<TermsInput> = {}): Promise<Parties> {
    const parties = await Parties.of(n);
    parties.held.add(verb);
    if (verb === 'release') parties.held.add('redeem'); // without Releases B has nothing to redeem
    await parties.place(terms);
    if (parties.order.state === 'committed' && verb !== 'commit') await parties.redeem();
    return parties;
  }

  /** The same parties at another time, or as they'd treat another order. */
  but(changes: Partial<Pick<Parties, 'now' | 'order'>>): Parties {
    return Object.assign(Object.create(this) as Parties, changes); // what isn't changed is this one's
  }

  get identities(): Identity[] {
    return [this.principal, this.beneficiary.author, ...this.fiduciaries.map(({ author }) => author)].map(
      (a) => a.identity,
    );
  }

  get verifier(): Verifier {
    return { directory: this.directory, stored: new Set(), now: this.now };
  }

  /** All that P has. */
  get evidence(): Evidence {
    return this.read(this.statements.map(({ bytes }) => bytes));
  }

  /** What was said to the beneficiary and the fiduciaries, of one type. */
  statementsOf<S extends StatementType>(type: S): StatementOf<S>[] {
    const heard = new Map(this.heard.map((statement) => [statement.cid, statement]));
    return [...heard.values()].filter((statement) => isStatement(type, statement)) as StatementOf<S>[]; // it narrows
  }

  read(statements: readonly Uint8Array[], order: Cid = this.order.ref): Evidence {
    return Evidence.read(order, statements, this.verifier);
  }

  /** The n-th fiduciary, 1-based. */
  fiduciary(index: number): Node<FiduciaryOrder> {
    return known(this.fiduciaries[index - 1]);
  }

  /** The message of `verb` to the index-th fiduciary, or to the beneficiary. */
  message(verb: PrincipalVerb, to: number | 'beneficiary'): Sent {
    const party = to === 'beneficiary' ? this.beneficiary.author : this.fiduciary(to).author;
    return known(this.sent.find(({ addressee }) => addressee.verb === verb && addressee.party === party.identity.cid));
  }

  async place(terms: Partial<TermsInput> = {}): Promise<void> {
    const request = await signRequest(
      {
        plugin: 'milagro',
        fiduciaries: this.fiduciaries.map(({ author }) => author.identity.cid),
        beneficiary: this.beneficiary.author.identity.cid,
        ...terms,
      },
      this.principal,
      this.directory,
      this.now,
    );
    this.order = placeOrder(request).order;
    await this.take(placeOrder(request));
  }

  /** Sends what a step sends, takes the answers, and goes on until P waits. */
  async take(step: PrincipalStep, silent: ReadonlySet<Cid> = new Set()): Promise<void> {
    this.order = step.order;
    this.statements.push(...step.keep);
    for (const outgoing of step.outgoing) {
      for (const addressee of outgoing.addressees) {
        if (!silent.has(addressee.party)) await this.deliver(outgoing, addressee);
      }
    }
    const more = await advanceOrder(this.order, this.evidence, this.answers, context(this.principal));
    if (more !== null) await this.take(more, silent);
  }

  async redeem(silent: ReadonlySet<Cid> = new Set()): Promise<void> {
    await this.take(await startRedemption(this.order, this.evidence, context(this.principal)), silent);
  }

  private async deliver({ statements }: Outgoing, addressee: Addressee): Promise<void> {
    const message = { addressee, statements, attachments: addressee.attachments };
    this.sent.push(message);
    if (this.held.has(addressee.verb)) return;
    const { reply, attachments, envelopes } = await this.send(message);
    const answer: Answer = { party: addressee.party, verb: addressee.verb, statements: reply, attachments };
    checkAnswer(this.order, answer, this.evidence, envelopes);
    if (addressee.verb === 'release') this.releases.push(...envelopes);
    this.answers.push(answer);
    this.statements.push(...reply);
  }

  /** Carries a message to its addressee, who takes the step, and its reply back. */
  async send(message: Sent): Promise<Reply> {
    this.heard.push(...message.statements);
    return message.addressee.role === 'beneficiary'
      ? this.beneficiary.take(await this.askBeneficiary(message))
      : this.fiduciaryOf(message).take(await this.askFiduciary(message));
  }

  /** What the addressee makes of a message; it takes no step. */
  async ask(message: Sent): Promise<Reply> {
    return message.addressee.role === 'beneficiary' ? this.askBeneficiary(message) : this.askFiduciary(message);
  }

  private fiduciaryOf({ addressee }: Sent): Node<FiduciaryOrder> {
    return known(this.fiduciaries.find(({ author }) => author.identity.cid === addressee.party));
  }

  private askBeneficiary({ addressee: { verb }, statements }: Sent): Promise<Outcome<BeneficiaryOrder>> {
    const { order, open, author } = this.beneficiary;
    const evidence = this.read(statements.map(({ bytes }) => bytes));
    switch (verb) {
      case 'enrol':
        return enrolOrder(order, evidence, context(author));
      case 'manifest':
        return noteManifest(known(order), evidence, context(author));
      case 'commit':
        return commitEnrolment(known(order), evidence, context(author));
      case 'redeem':
        return redeemOrder(known(order), evidence, this.releases, open, context(author));
      default:
        throw new Error(`a beneficiary has no ${verb}`);
    }
  }

  private askFiduciary(message: Sent): Promise<Outcome<FiduciaryOrder>> {
    const { order, open, author } = this.fiduciaryOf(message);
    const { addressee, statements, attachments } = message;
    const evidence = this.read(statements.map(({ bytes }) => bytes));
    switch (addressee.verb) {
      case 'accept':
        return acceptOrder(order, evidence, context(author));
      case 'deal':
        return dealOrder(known(order), evidence, attachments, context(author));
      case 'confirm':
        return confirmOrder(known(order), evidence, attachments, open, context(author));
      case 'commit':
        return commitOrder(known(order), evidence, context(author));
      case 'release':
        return releaseShare(known(order), evidence, open, context(author));
      case 'receipt':
        return takeReceipt(known(order), evidence, context(author));
      default:
        throw new Error(`a fiduciary has no ${addressee.verb}`);
    }
  }
}

/** The one setup that `evidence` has, checked whole. */
export function setupIn(evidence: Evidence): Setup {
  const [manifest] = evidence.all(manifestStatement);
  return verifySetup(manifest ?? evidence.one(dealStatement), evidence);
}

/** For tests, which know that it is there. */
export function known<T>(value: T | undefined | null): T {
  if (value === undefined || value === null) throw new Error('not known yet');
  return value;
}
