import { ascii, concat, decodeCanonical, encodeCanonical } from '@dta/codec';
import { randomBytes, sha256 } from '@dta/crypto';
import { signStatement, type BodyOf, type StatementOf, type StatementType } from '@dta/identity';
import type { Author, OrderStatement } from '../src/index.js';
import type { Sent } from './parties.js';

/** What a statement says, other than what every statement does. */
type Said<S extends StatementType> = Partial<Omit<BodyOf<S>, 'v' | 'type' | 'nonce'>>;

/** The same statement with other words, well signed by `author`: what a dishonest party can always make. */
export function restate<S extends StatementType>(
  type: S,
  statement: StatementOf<S>,
  author: Author,
  said: Said<S> = {},
): Promise<StatementOf<S>> {
  const { cid: issuer } = author.identity;
  const body = statement.body as object; // TypeScript can't see through the generic, here and below
  return signStatement(type, { ...body, issuer, ...said } as BodyOf<S>, [author.key]);
}

/** The message with `by` in the place of `statement`. */
export function replaced(message: Sent, statement: OrderStatement, by: OrderStatement): Sent {
  return { ...message, statements: message.statements.map((other) => (other.cid === statement.cid ? by : other)) };
}

/** The message with more evidence. */
export function withMore(message: Sent, ...more: readonly OrderStatement[]): Sent {
  return { ...message, statements: [...message.statements, ...more] };
}

/** The message without `statement`. */
export function without(message: Sent, statement: OrderStatement): Sent {
  return { ...message, statements: message.statements.filter(({ cid }) => cid !== statement.cid) };
}

/** A copy with its last bit turned over. */
export function flipped(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes, (byte, at) => (at === bytes.length - 1 ? byte ^ 1 : byte));
}

/** Any hash, of nothing. */
export const anyHash = () => randomBytes(32);

/** A statement of whatever body, well signed: what no honest node can make, since it checks its own words. */
export async function signPlain(body: unknown, { key }: Author): Promise<Uint8Array> {
  const message = concat(ascii('DTA-STATEMENT1'), sha256(encodeCanonical(body)));
  return encodeCanonical({ body, signatures: [await key.sign(message)] });
}

/** A statement's body as it lies in its bytes, CIDs as 36 bytes. */
export function plainBody({ bytes }: OrderStatement): Record<string, unknown> {
  const { body } = decodeCanonical(bytes, bytes.length) as { body: Record<string, unknown> }; // as every statement
  return body;
}
