import { cidOf, type Cid } from '@dta/codec';
import { DtaError } from '@dta/errors';
import {
  assertNotAhead,
  isStatement,
  parseStatement,
  verifySignature,
  type IdentityDirectory,
  type SigningKey,
  type StatementOf,
  type StatementType,
  type Identity,
} from '@dta/identity';
import {
  affirmationStatement,
  orderStatements,
  type OrderStatement,
  type Request,
  requestStatement,
} from './statements.js';

/** What a step needs to hold statements against their authors. */
export interface Verifier {
  readonly directory: IdentityDirectory;
  /** statements of this order that this node verified and stored before: no later revocation and no clock undoes them */
  readonly stored: ReadonlySet<Cid>;
  /** Unix milliseconds */
  readonly now: number;
  /** statements whose signatures this process has verified, by CID: each message of an order carries most of the last */
  readonly verified?: VerifiedStatements;
}

/** A bounded store, such as an LRU cache. */
export interface VerifiedStatements {
  get(cid: Cid): OrderStatement | undefined;
  set(cid: Cid, statement: OrderStatement): unknown;
  delete(cid: Cid): unknown;
}

/** Who signs: a node's newest document and its key. */
export interface Author {
  readonly identity: Identity;
  readonly key: SigningKey;
}

/**
 * Statements of one order, each with its signature verified and its author known: what a message carried, the message
 * first, or what a role has stored.
 */
export class Evidence {
  readonly order: Cid;
  readonly statements: readonly OrderStatement[];
  readonly #verifier: Verifier;

  private constructor(order: Cid, statements: readonly OrderStatement[], verifier: Verifier) {
    this.order = order;
    this.statements = statements;
    this.#verifier = verifier;
  }

  /**
   * Reads and verifies statements of the order `order`.
   *
   * @throws `too_large`, `non_canonical`, `document_invalid`, `signature_invalid`, `identity_not_found`, `time_ahead` for a
   * statement not stored before, `identity_frozen` (frozen, revoked or superseded author of a statement not stored before, which in the case of a
   * superseded one its successor doesn't affirm), `envelope_invalid` for a statement of another order
   */
  static read(order: Cid, statements: readonly Uint8Array[], verifier: Verifier): Evidence {
    const read = statements.map((bytes) => {
      const cid = cidOf(bytes);
      const known = verifier.verified?.get(cid);
      const statement = known ?? parseStatement(orderStatements, bytes, cid);
      verifyStatement(statement, order, verifier, known !== undefined);
      if (known === undefined) verifier.verified?.set(cid, statement);
      return statement;
    });
    const affirmed = affirmedOf(read, verifier.directory);
    for (const statement of read) {
      if (verifier.stored.has(statement.cid) || affirmed.has(statement)) continue;
      assertMaySpeak(authorOf(statement, verifier.directory), verifier.directory);
    }
    return new Evidence(order, read, verifier);
  }

  /** The same with more statements that are verified already. */
  with(...more: readonly OrderStatement[]): Evidence {
    const known = new Set(this.statements.map(({ cid }) => cid));
    return new Evidence(this.order, [...this.statements, ...more.filter(({ cid }) => !known.has(cid))], this.#verifier);
  }

  /** The same at a later time of this node's clock. */
  at(now: number): Evidence {
    return new Evidence(this.order, this.statements, { ...this.#verifier, now });
  }

  get directory(): IdentityDirectory {
    return this.#verifier.directory;
  }

  get now(): number {
    return this.#verifier.now;
  }

  /** Whether this node verified and stored `statement` before. */
  isStored({ cid }: OrderStatement): boolean {
    return this.#verifier.stored.has(cid);
  }

  /** All statements of a type. */
  all<S extends StatementType>(type: S): StatementOf<S>[] {
    return this.statements.filter((statement) => isStatement(type, statement)) as StatementOf<S>[]; // the filter narrows
  }

  /** The statement of a type where there is exactly one. @throws `envelope_invalid` */
  one<S extends StatementType>(type: S): StatementOf<S> {
    const [only, another] = this.all(type);
    if (only === undefined || another !== undefined) {
      throw new DtaError('envelope_invalid', `exactly one ${type.type} belongs here`, {
        metadata: { order: this.order },
      });
    }
    return only;
  }

  /** The statement of a type with that CID. @throws `envelope_invalid` where it isn't there */
  get<S extends StatementType>(type: S, cid: Cid): StatementOf<S> {
    const found = this.all(type).find((statement) => statement.cid === cid);
    if (found === undefined) {
      throw new DtaError('envelope_invalid', `a ${type.type} that is referred to isn't there`, {
        metadata: { statement: cid },
      });
    }
    return found;
  }

  /** The order's terms. */
  get request(): Request {
    return this.get(requestStatement, this.order);
  }

  /** The first statement: what the message says. @throws `envelope_invalid` unless it is of `type` */
  message<S extends StatementType>(type: S): StatementOf<S> {
    const [first] = this.statements;
    if (first === undefined || !isStatement(type, first)) {
      throw new DtaError('envelope_invalid', `the message must be a ${type.type}`);
    }
    return first;
  }

  /** The chain of the order's principal, as the Request names it. */
  get principal(): Cid {
    const { issuer } = this.request.body;
    if (issuer === null) throw new DtaError('terms_invalid', 'a Request names its principal as issuer');
    return issuer;
  }

  /**
   * What the message says, which is for the order's principal alone to say: admission lets in others too.
   *
   * @throws `envelope_invalid`, `signature_invalid`
   */
  messageByPrincipal<S extends StatementType>(type: S): StatementOf<S> {
    const message = this.message(type);
    this.assertBy(message as OrderStatement, this.principal); // `statements` holds no other kind
    return message;
  }

  /** Whether `statement` was signed by the chain of `author`. */
  isBy(statement: OrderStatement, author: Cid): boolean {
    const { issuer } = statement.body;
    return issuer !== null && this.directory.sameChain(issuer, author);
  }

  /** @throws `signature_invalid` unless `statement` was signed by the chain of `author` */
  assertBy(statement: OrderStatement, author: Cid): void {
    if (!this.isBy(statement, author)) {
      throw new DtaError('signature_invalid', `${statement.body.type} is by someone else than the order names`, {
        metadata: { statement: statement.cid },
      });
    }
  }
}

/** Those of `statements` that this node has not stored. */
export function unstored(statements: readonly OrderStatement[], evidence: Evidence): OrderStatement[] {
  return statements.filter((statement) => !evidence.isStored(statement));
}

/** `signed`: these bytes' signature was verified before; all that time can change is checked again. */
function verifyStatement(statement: OrderStatement, order: Cid, verifier: Verifier, signed: boolean): void {
  const { createdAt, type } = statement.body;
  const about = type === 'request' ? statement.cid : statement.body.order;
  if (about !== order || (type === 'request' && statement.body.order !== null)) {
    throw new DtaError('envelope_invalid', 'statement of another order', { metadata: { statement: statement.cid } });
  }
  // it was checked when it came: a clock that was ahead for a moment must not stop the order until then
  if (!verifier.stored.has(statement.cid)) assertNotAhead(createdAt, verifier.now);
  const author = authorOf(statement, verifier.directory);
  if (!signed) verifySignature(statement, author.keys.sign);
}

/** Who signed, by the document that it names. @throws `envelope_invalid`, `identity_not_found` */
function authorOf({ body: { issuer } }: OrderStatement, directory: IdentityDirectory): Identity {
  if (issuer === null) throw new DtaError('envelope_invalid', 'statement without an issuer');
  return directory.get(issuer);
}

/**
 * Statements that the newest document of their author's chain affirms, in an Affirmation beside them: a key that was
 * stolen before it was replaced can't add to them, since its successor affirms only what its node has stored.
 */
export function affirmedOf(
  statements: readonly OrderStatement[],
  directory: IdentityDirectory,
): ReadonlySet<OrderStatement> {
  const affirmed = new Set<OrderStatement>();
  for (const affirmation of statements) {
    if (!isStatement(affirmationStatement, affirmation)) continue;
    const author = authorOf(affirmation, directory);
    if (!maySpeak(author, directory)) continue;
    for (const statement of statements) {
      const { issuer } = statement.body;
      const named = affirmation.body.statements.includes(statement.cid);
      if (named && issuer !== null && directory.sameChain(issuer, author.cid)) affirmed.add(statement);
    }
  }
  return affirmed;
}

/** Whether `author` may say something new: not where it is frozen, revoked, or not the newest document of its chain. */
export function maySpeak(author: Identity, directory: IdentityDirectory): boolean {
  return directory.standingOf(author.cid) === 'sound' && directory.isNewest(author.cid);
}

/** @throws `identity_frozen` unless `author` may say something new */
export function assertMaySpeak(author: Identity, directory: IdentityDirectory): void {
  if (maySpeak(author, directory)) return;
  throw new DtaError('identity_frozen', 'the author of a new statement is frozen, revoked or superseded', {
    metadata: { identity: author.cid, standing: directory.standingOf(author.cid) },
  });
}
