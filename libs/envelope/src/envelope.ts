import { ascii, cidOf, concat, checkDocument, decodeCanonical, encodeCanonical, fields, type Cid } from '@dta/codec';
import { ed25519Verify, sha256 } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { roles, type Identity } from '@dta/identity';
import { z } from 'zod';

/** The largest envelope; the largest of an order is a redemption of 32-of-32, about 239 KB. */
export const MAX_ENVELOPE_BYTES = 256 * 1024;

/** The most recipients of one envelope. */
export const MAX_RECIPIENTS = 64;

/** The clear part of an envelope: who sends what kind of thing to whom, and nothing of what it says. */
export const envelopeHeader = fields.map({
  v: z.literal(1),
  type: z.literal('envelope'),
  sender: fields.cid,
  from: z.enum(roles),
  order: fields.cid.nullable(),
  prev: z.array(fields.cid).max(MAX_RECIPIENTS),
  log: z.boolean(),
  createdAt: fields.ms,
  nonce: fields.bytes(16),
  recipients: z
    .array(fields.map({ id: fields.cid, role: z.enum(roles), key: fields.bytes(32) }))
    .min(1)
    .max(MAX_RECIPIENTS),
});

/** See {@link envelopeHeader}. */
export type EnvelopeHeader = z.output<typeof envelopeHeader>;

const WRAP = fields.map({ enc: fields.bytes(1120), ct: fields.bytes(48) });

const signedEnvelope = fields.map({
  header: envelopeHeader,
  N: fields.bytes(32),
  Kcom: fields.bytes(32),
  ct: fields.bytesUpTo(MAX_ENVELOPE_BYTES),
  wraps: z.array(WRAP).min(1).max(MAX_RECIPIENTS),
  sig: fields.bytes(64),
});

/** An envelope as it was received: well-formed, neither verified nor opened. */
export interface Envelope {
  readonly cid: Cid;
  readonly bytes: Uint8Array;
  readonly header: EnvelopeHeader;
  /** SHA-256(dag-cbor(header)), the H of docs/protocol.md §3 */
  readonly headerHash: Uint8Array;
  readonly salt: Uint8Array;
  readonly keyCommitment: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly wraps: readonly { readonly enc: Uint8Array; readonly ct: Uint8Array }[];
  readonly signature: Uint8Array;
  /** what the signature covers */
  readonly signed: Uint8Array;
}

/** What an envelope's signature covers: "DTA-ENVELOPE1" ‖ SHA-256(dag-cbor(envelope without sig)). */
export function envelopeDigest(unsigned: Uint8Array): Uint8Array {
  return concat(ascii('DTA-ENVELOPE1'), sha256(unsigned));
}

/**
 * Reads an envelope: size, canonical bytes, form. First of the checks, before any signature.
 *
 * @throws `too_large`, `non_canonical`, `envelope_invalid`
 */
export function parseEnvelope(bytes: Uint8Array): Envelope {
  const raw = decodeCanonical(bytes, MAX_ENVELOPE_BYTES);
  const parsed = refusing(() => checkDocument(signedEnvelope, raw));
  const { sig, ...unsigned } = raw as { sig: Uint8Array; header: unknown }; // as the schema has just found it
  if (parsed.wraps.length !== parsed.header.recipients.length) {
    throw new DtaError('envelope_invalid', 'an envelope has one wrap for each recipient');
  }
  return {
    cid: cidOf(bytes),
    bytes,
    header: parsed.header,
    headerHash: sha256(encodeCanonical(unsigned.header)),
    salt: parsed.N,
    keyCommitment: parsed.Kcom,
    ciphertext: parsed.ct,
    wraps: parsed.wraps,
    signature: sig,
    signed: envelopeDigest(encodeCanonical(unsigned)),
  };
}

function refusing<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof DtaError && cause.code === 'document_invalid') {
      throw new DtaError('envelope_invalid', 'not an envelope', { cause, metadata: cause.metadata });
    }
    throw cause;
  }
}

/**
 * Holds an envelope against its sender's document: signature and role.
 *
 * @throws `envelope_invalid`
 */
export function verifyEnvelope(envelope: Envelope, sender: Identity): void {
  if (!maySend(envelope.header, sender) || !ed25519Verify(sender.keys.sign, envelope.signed, envelope.signature)) {
    throw new DtaError('envelope_invalid', 'envelope is not by the sender and role that it names', {
      metadata: { envelope: envelope.cid },
    });
  }
}

/** Whether `sender` is whom the header names, in a role that it has, and a recipient in no role but another. */
export function maySend(header: EnvelopeHeader, sender: Identity): boolean {
  const toItself = header.recipients.some(({ id, role }) => id === sender.cid && role === header.from);
  return header.sender === sender.cid && sender.roles.includes(header.from) && !toItself;
}
