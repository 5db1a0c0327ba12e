import { type Cid } from '@dta/codec';
import { kemKeyPair, randomBytes } from '@dta/crypto';
import { createIdentity, IdentityDirectory, softwareSigningKey, type Identity, type Role } from '@dta/identity';
import {
  acceptOrder,
  advanceOrder,
  checkAnswer,
  commitEnrolment,
  commitOrder,
  confirmOrder,
  dealOrder,
  enrolOrder,
  Evidence,
  noteManifest,
  placeOrder,
  redeemOrder,
  releaseShare,
  signRequest,
  startRedemption,
  takeReceipt,
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
  type SecretKind,
  type StepContext,
  type TermsInput,
  type Verifier,
} from '../src/index.js';

export const NOW = 1_750_000_000_000;

export async function author(name: string, ...roles: Role[]): Promise<Author> {
  const key = softwareSigningKey(randomBytes(32));
  const { publicKey: kem } = await kemKeyPair();
  return { identity: await createIdentity({ name, roles, kem, now: NOW }, key), key };
}

export const context = (author: Author): StepContext => ({ author, seed: randomBytes(64) });

export class Node<O> {
  order: O | undefined;
  secrets: NewSecret[] = [];
  constructor(readonly author: Author) {}

  open = async ({ what }: { what: SecretKind }): Promise<Uint8Array> => {
    const found = this.secrets.find(({ name }) => name.what === what);
    if (found === undefined) throw new Error(`no ${what}`);
    return Uint8Array.from(found.value);
  };

  take(outcome: Outcome<O>): Outcome<O> {
    this.order = outcome.order;
    this.secrets = [...this.secrets.filter(({ name }) => !outcome.erase.includes(name.what)), ...outcome.secrets];
    return outcome;
  }
}

/** P, B and n fiduciaries without a network: a message is a call, and every message is read from bytes again. */
export class Parties {
  readonly directory = new IdentityDirectory();
  order!: PrincipalOrder; // set by `place`, before anything reads it
  statements: OrderStatement[] = [];
  answers: Answer[] = [];
  releases: Uint8Array[] = [];
  now = NOW;
  /** what a test does to a message on its way */
  tamper: (addressee: Addressee, statements: Uint8Array[], attachments: Uint8Array[]) => { statements: Uint8Array[]; attachments: Uint8Array[] } = (
    _,
    statements,
    attachments,
  ) => ({ statements, attachments });

  constructor(
    readonly principal: Author,
    readonly beneficiary: Node<BeneficiaryOrder>,
    readonly fiduciaries: readonly Node<FiduciaryOrder>[],
  ) {
    this.directory.add(this.identities.map(({ bytes }) => bytes));
  }

  static async of(n: number): Promise<Parties> {
    const fiduciaries = await Promise.all(Array.from({ length: n }, (_, at) => author(`F${at + 1}`, 'fiduciary')));
    return new Parties(
      await author('P', 'principal'),
      new Node(await author('B', 'beneficiary')),
      fiduciaries.map((fiduciary) => new Node(fiduciary)),
    );
  }

  get identities(): Identity[] {
    return [this.principal, this.beneficiary.author, ...this.fiduciaries.map(({ author }) => author)].map((a) => a.identity);
  }

  get verifier(): Verifier {
    return { directory: this.directory, stored: new Set(), now: this.now };
  }

  get evidence(): Evidence {
    return this.read(this.statements.map(({ bytes }) => bytes));
  }

  read(statements: readonly Uint8Array[], order: Cid = this.order.ref): Evidence {
    return Evidence.read(order, statements, this.verifier);
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

  private async deliver(outgoing: Outgoing, addressee: Addressee): Promise<void> {
    const sent = this.tamper(
      addressee,
      outgoing.statements.map(({ bytes }) => bytes),
      [...addressee.attachments],
    );
    const outcome = await this.handle(addressee, this.read(sent.statements), sent.attachments);
    const { party, verb } = addressee;
    const answer: Answer = { party, verb, statements: outcome.reply, attachments: outcome.attachments };
    checkAnswer(this.order, answer, this.evidence, outcome.envelopes);
    this.releases.push(...outcome.envelopes);
    this.answers.push(answer);
    this.statements.push(...outcome.reply);
  }

  async handle({ party, verb }: Addressee, evidence: Evidence, attachments: readonly Uint8Array[]) {
    const b = this.beneficiary;
    const f = this.fiduciaries.find(({ author }) => author.identity.cid === party);
    const own = f?.order;
    switch (verb) {
      case 'enrol':
        return b.take(await enrolOrder(b.order, evidence, context(b.author)));
      case 'manifest':
        return b.take(await noteManifest(known(b.order), evidence, context(b.author)));
      case 'redeem':
        return b.take(await redeemOrder(known(b.order), evidence, this.releases, b.open, context(b.author)));
      case 'commit':
        return f === undefined
          ? b.take(await commitEnrolment(known(b.order), evidence, context(b.author)))
          : f.take(await commitOrder(known(own), evidence, context(f.author)));
      case 'accept':
        return known(f).take(await acceptOrder(own, evidence, context(known(f).author)));
      case 'deal':
        return known(f).take(await dealOrder(known(own), evidence, attachments, context(known(f).author)));
      case 'confirm':
        return known(f).take(await confirmOrder(known(own), evidence, attachments, known(f).open, context(known(f).author)));
      case 'release':
        return known(f).take(await releaseShare(known(own), evidence, known(f).open, context(known(f).author)));
      case 'receipt':
        return known(f).take(await takeReceipt(known(own), evidence, context(known(f).author)));
    }
  }
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('not known yet');
  return value;
}
