import { ascii, cidOf, concat, decodeCanonical, checkDocument, encodeCanonical, fields, type Cid } from '@dta/codec';
import { ed25519Verify, randomBytes, sha256, wipe } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { z } from 'zod';
import type { SigningKey } from './signing-key.js';

/** The largest statement: a Commitment or a Manifest of 32 members is below 10 KB; a document may be an extension's. */
export const MAX_STATEMENT_BYTES = 128 * 1024;

/** Size of an Ed25519 signature. */
const SIGNATURE_BYTES = 64;

const signed = <B extends z.ZodType>(body: B, maxSignatures: number) =>
  fields.map({ body, signatures: z.array(fields.bytes(SIGNATURE_BYTES)).min(1).max(maxSignatures) });

const bodySchema = <T extends string, F extends z.core.$ZodShape>(type: T, shape: F) =>
  fields.map({
    v: z.literal(1),
    type: z.literal(type),
    issuer: fields.cid.nullable(),
    order: fields.cid.nullable(),
    createdAt: fields.ms,
    nonce: fields.bytes(16),
    ...shape,
  });

/** What a statement of one type may say. Made once a type, by {@link defineStatement}. */
export interface StatementType<T extends string = string, B extends z.ZodType = z.ZodType> {
  readonly type: T;
  readonly body: B;
  /** whether a predecessor or another party may sign too; else a second signature is refused: anyone could add one */
  readonly cosigned: boolean;
}

/** The body of a statement type, as code sees it: CIDs as text. */
export type BodyOf<S extends StatementType> = z.output<S['body']>;

/**
 * A signed statement (docs/protocol.md §3): what is said, by whom, and the exact bytes that its CID names. Holding one
 * says nothing about its signatures: see {@link verifySignature}.
 */
export interface Statement<B = unknown> {
  readonly cid: Cid;
  readonly bytes: Uint8Array;
  readonly body: B;
  /** Each [64]; the second is a predecessor's or a co-signer's. */
  readonly signatures: readonly Uint8Array[];
  /** SHA-256 of the body's bytes, which is what the signatures cover. */
  readonly bodyHash: Uint8Array;
}

/** The statement of a type. */
export type StatementOf<S extends StatementType> = Statement<BodyOf<S>>;

/** Declares a statement type: its name and the fields it adds to the common ones. */
export function defineStatement<T extends string, F extends z.core.$ZodShape>(
  type: T,
  shape: F,
  { cosigned = false }: { cosigned?: boolean } = {},
) {
  const body = bodySchema(type, shape);
  return { type, body, cosigned } as const satisfies StatementType<T, typeof body>;
}

/** What a signature on a statement covers: "DTA-STATEMENT1" ‖ SHA-256(dag-cbor(body)). */
export function statementDigest(bodyHash: Uint8Array): Uint8Array {
  return concat(ascii('DTA-STATEMENT1'), bodyHash);
}

/**
 * Signs `said` as a new statement, with a fresh nonce. What is refused is refused before it is signed.
 *
 * @throws `too_large` above {@link MAX_STATEMENT_BYTES} or `DOCUMENT_LIMITS`; `document_invalid` for an extension with what
 * has no form; ZodError where our own code said what the type's schema refuses
 */
export async function signStatement<S extends StatementType>(
  type: S,
  said: Omit<BodyOf<S>, 'v' | 'type' | 'nonce'>,
  keys: readonly SigningKey[],
): Promise<StatementOf<S>> {
  // the fields that Omit took out are put back here; TypeScript can't see through the generic
  const body = { ...said, v: 1, type: type.type, nonce: randomBytes(16) } as BodyOf<S>;
  const raw = z.encode(type.body, body);
  wipe(
    encodeSigned(
      raw,
      Array.from(keys, () => new Uint8Array(SIGNATURE_BYTES)),
    ),
  ); // throws for what has no form or no room
  const bodyHash = hashOfBody(raw);
  const message = statementDigest(bodyHash);
  return assemble(body, raw, bodyHash, await Promise.all(keys.map((key) => key.sign(message))));
}

/**
 * The same statement with one more signature. Its CID is another: it is another document.
 *
 * @throws `document_invalid` for one that has two already
 */
export async function cosignStatement<B>(statement: Statement<B>, key: SigningKey): Promise<Statement<B>> {
  const [own] = statement.signatures;
  if (own === undefined || statement.signatures.length !== 1) {
    throw new DtaError('document_invalid', 'a statement takes one co-signature');
  }
  const { body } = decodeCanonical(statement.bytes, MAX_STATEMENT_BYTES) as { body: unknown }; // parsed when it was made
  const signature = await key.sign(statementDigest(statement.bodyHash));
  return assemble(statement.body, body, statement.bodyHash, [own, signature]);
}

/** `raw` is the body as it is encoded: CIDs as bytes. */
function assemble<B>(body: B, raw: unknown, bodyHash: Uint8Array, signatures: Uint8Array[]): Statement<B> {
  const bytes = encodeSigned(raw, signatures);
  return { cid: cidOf(bytes), bytes, body, signatures, bodyHash };
}

function encodeSigned(body: unknown, signatures: readonly Uint8Array[]): Uint8Array {
  const bytes = encodeCanonical({ body, signatures });
  if (bytes.length <= MAX_STATEMENT_BYTES) return bytes;
  wipe(bytes);
  throw new DtaError('too_large', 'statement would be above 128 KiB', { metadata: { bytes: bytes.length } });
}

/**
 * Reads a statement of one of `types`. Checks form and canonical bytes, and no signature.
 *
 * @param cid of the bytes, where the caller has just made it
 * @throws `too_large`, `non_canonical`, `document_invalid`
 */
export function parseStatement<S extends StatementType>(
  types: readonly S[],
  bytes: Uint8Array,
  cid = cidOf(bytes),
): StatementOf<S> {
  const raw = decodeCanonical(bytes, MAX_STATEMENT_BYTES);
  const rawBody = typeof raw === 'object' && raw !== null && 'body' in raw ? raw.body : undefined;
  const name = typeof rawBody === 'object' && rawBody !== null && 'type' in rawBody ? rawBody.type : undefined;
  const type = types.find((known) => known.type === name);
  if (type === undefined) throw new DtaError('document_invalid', 'statement of a type that has no place here');
  const { body, signatures } = checkDocument(signedSchema(type), raw);
  // the schema of S gave the body; TypeScript can't see through the generic
  return { cid, bytes, body: body as BodyOf<S>, signatures, bodyHash: hashOfBody(rawBody) };
}

/** Leaves no copy of what is said: a Release says a share. */
function hashOfBody(raw: unknown): Uint8Array {
  const encoded = encodeCanonical(raw);
  const hash = sha256(encoded);
  wipe(encoded);
  return hash;
}

/** A type's schema with its signatures, made once. */
function signedSchema(type: StatementType) {
  const schema = signedSchemas.get(type) ?? signed(type.body, type.cosigned ? 2 : 1);
  signedSchemas.set(type, schema);
  return schema;
}

const signedSchemas = new WeakMap<StatementType, ReturnType<typeof signed>>();

/** Whether a statement is of `type`: narrows what {@link parseStatement} gave. */
export function isStatement<S extends StatementType>(type: S, statement: Statement): statement is StatementOf<S> {
  const { body } = statement;
  return typeof body === 'object' && body !== null && 'type' in body && body.type === type.type;
}

/**
 * Holds the `at`-th signature against a public key [32] that has been admitted (`assertEd25519PublicKey`).
 *
 * @throws `signature_invalid`
 */
export function verifySignature(statement: Statement, publicKey: Uint8Array, at = 0): void {
  const signature = statement.signatures[at];
  if (signature === undefined || !ed25519Verify(publicKey, statementDigest(statement.bodyHash), signature)) {
    throw new DtaError('signature_invalid', 'signature is not by the key it should be by', {
      metadata: { statement: statement.cid },
    });
  }
}
