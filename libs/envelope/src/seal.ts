import { cidOf, encodeCanonical, padToPadme, type Cid } from '@dta/codec';
import { aeadSeal, hpkeSeal, randomBytes, sha256, wipe } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import type { Identity, Role, SigningKey } from '@dta/identity';
import { z } from 'zod';
import { contentBinding, deriveContentKeys, wrapInfo } from './content-key.js';
import { envelopeDigest, envelopeHeader, MAX_ENVELOPE_BYTES, maySend, type EnvelopeHeader } from './envelope.js';

const ENC_BYTES = 1120;

/** Whom an envelope is for: a node in a role, and the X-Wing key [1216] to seal to. */
export interface Recipient {
  readonly id: Cid;
  readonly role: Role;
  readonly kem: Uint8Array;
}

/** What goes into an envelope. */
export interface NewEnvelope {
  readonly sender: Identity;
  readonly from: Role;
  readonly order: Cid | null;
  /** the request's `envelopes[0]` in a reply, empty in a request */
  readonly prev: readonly Cid[];
  /** whether the shared log may keep it: never where a share is in it */
  readonly log: boolean;
  readonly recipients: readonly Recipient[];
  /** bytes of signed statements, the message first */
  readonly statements: readonly Uint8Array[];
  /** Unix milliseconds */
  readonly now: number;
}

/**
 * Seals statements to their recipients and signs the envelope. Every call draws a new content key: a retry sends the
 * stored bytes and never seals again.
 *
 * @throws `too_large` where the envelope would be above 256 KiB; `key_invalid` for a recipient's key; `envelope_invalid`
 * where the sender hasn't the role it sends from, or is a recipient in that role
 */
export async function sealEnvelope(envelope: NewEnvelope, key: SigningKey): Promise<{ cid: Cid; bytes: Uint8Array }> {
  const drawn = randomBytes(16 + 32 + 32); // one draw costs hardly more than each of the three would
  const [nonce, salt, contentKey] = [drawn.slice(0, 16), drawn.slice(16, 48), drawn.slice(48)];
  wipe(drawn);
  const header: EnvelopeHeader = {
    v: 1,
    type: 'envelope',
    sender: envelope.sender.cid,
    from: envelope.from,
    order: envelope.order,
    prev: [...envelope.prev],
    log: envelope.log,
    createdAt: envelope.now,
    nonce,
    recipients: envelope.recipients.map(({ id, role, kem }) => ({ id, role, key: sha256(kem) })),
  };
  if (!maySend(header, envelope.sender)) {
    throw new DtaError('envelope_invalid', 'sender has not the role that it sends from, or sends to itself');
  }
  const written = z.encode(envelopeHeader, header);
  const headerHash = sha256(encodeCanonical(written));
  const { encryptionKey, keyCommitment } = deriveContentKeys(contentKey, salt, headerHash);
  const binding = contentBinding(headerHash, salt, keyCommitment);
  try {
    const ct = sealStatements(envelope.statements, encryptionKey, binding);
    assertSize(ct.length);
    const wraps = await Promise.all(
      envelope.recipients.map(async ({ kem }, at) => {
        const sealed = await hpkeSeal(kem, wrapInfo(binding, at), contentKey);
        return { enc: sealed.slice(0, ENC_BYTES), ct: sealed.slice(ENC_BYTES) };
      }),
    );
    const unsigned = { header: written, N: salt, Kcom: keyCommitment, ct, wraps };
    const sig = await key.sign(envelopeDigest(encodeCanonical(unsigned)));
    const bytes = encodeCanonical({ ...unsigned, sig });
    assertSize(bytes.length);
    return { cid: cidOf(bytes), bytes };
  } finally {
    wipe(contentKey, encryptionKey);
  }
}

/** Leaves no copy of the statements: one may be a Release. */
function sealStatements(statements: readonly Uint8Array[], key: Uint8Array, binding: Uint8Array): Uint8Array {
  const encoded = encodeCanonical(statements);
  const padded = padToPadme(encoded);
  try {
    return aeadSeal(key, padded, binding);
  } finally {
    wipe(encoded, padded);
  }
}

function assertSize(bytes: number): void {
  if (bytes <= MAX_ENVELOPE_BYTES) return;
  throw new DtaError('too_large', 'envelope would be above 256 KiB', { metadata: { bytes } });
}
