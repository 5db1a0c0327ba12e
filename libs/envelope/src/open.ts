import { bytesEqual, concat, decodeCanonical, unpadPadme, type Cid } from '@dta/codec';
import { aeadOpen, hpkeOpen, timingSafeEqual, wipe, type KemPrivateKey } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import type { Role } from '@dta/identity';
import { contentBinding, deriveContentKeys, wrapInfo } from './content-key.js';
import { MAX_ENVELOPE_BYTES, type Envelope } from './envelope.js';

/** Who opens: one of its documents, its role, and that document's key. */
export interface Opener {
  readonly id: Cid;
  readonly role: Role;
  /** SHA-256 of the public key [32] */
  readonly keyHash: Uint8Array;
  readonly key: KemPrivateKey;
}

/**
 * The statements in a verified envelope, as bytes, the message first. `openers` are all that this node answers for: the
 * generations of its identity, or one order's key.
 *
 * @throws `envelope_invalid`, and nothing more exact, for a wrong key, a moved wrap, a flipped bit, a content key that
 * isn't the committed one, other padding, or where the header doesn't name exactly one opener exactly once
 */
export async function openEnvelope(envelope: Envelope, openers: readonly Opener[]): Promise<Uint8Array[]> {
  const { recipients } = envelope.header;
  const places = recipients.flatMap((recipient, at) =>
    openers
      .filter((opener) => recipient.id === opener.id && recipient.role === opener.role)
      .map((opener) => ({ at, opener, named: bytesEqual(recipient.key, opener.keyHash) })),
  );
  const [place, ...others] = places;
  if (place === undefined || !place.named || others.length > 0) throw invalid('envelope does not name its opener once');
  const wrap = envelope.wraps[place.at];
  if (wrap === undefined) throw invalid('envelope has no wrap for its opener');
  const binding = contentBinding(envelope.headerHash, envelope.salt, envelope.keyCommitment);
  const statements = await decrypt(envelope, binding, place.opener.key, concat(wrap.enc, wrap.ct), place.at);
  if (!Array.isArray(statements) || statements.length === 0 || !statements.every((s) => s instanceof Uint8Array)) {
    throw invalid('envelope holds no list of statements');
  }
  return statements;
}

async function decrypt(
  envelope: Envelope,
  binding: Uint8Array,
  key: KemPrivateKey,
  wrap: Uint8Array,
  at: number,
): Promise<unknown> {
  let contentKey: Uint8Array | undefined;
  let encryptionKey: Uint8Array | undefined;
  let padded: Uint8Array | undefined;
  let encoded: Uint8Array | undefined;
  try {
    contentKey = await hpkeOpen(key, wrapInfo(binding, at), wrap);
    const derived = deriveContentKeys(contentKey, envelope.salt, envelope.headerHash);
    encryptionKey = derived.encryptionKey;
    if (!timingSafeEqual(derived.keyCommitment, envelope.keyCommitment)) throw invalid('key commitment does not hold');
    padded = aeadOpen(encryptionKey, envelope.ciphertext, binding);
    encoded = unpadPadme(padded);
    return decodeCanonical(encoded, MAX_ENVELOPE_BYTES);
  } catch (cause) {
    throw invalid('envelope does not open', cause);
  } finally {
    for (const copy of [contentKey, encryptionKey, padded, encoded]) if (copy !== undefined) wipe(copy);
  }
}

function invalid(message: string, cause?: unknown): DtaError {
  return new DtaError('envelope_invalid', message, { cause });
}
