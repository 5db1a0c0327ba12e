import { ascii, concat, decodeDocument, encodeDocument, fields, lengthPrefixed, u64 } from '@dta/codec';
import { INTERNAL_CALL_CLOCK_MS, INTERNAL_CALL_MAX_BYTES } from '@dta/contracts';
import { AEAD_KEY_BYTES, aeadOpen, aeadSeal, hkdf, randomBytes, sha256, wipe } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { z } from 'zod';

/** Size of the key that a gateway and one role share, in bytes. */
const PSK_BYTES = 32;
const idBytes = 16;
const gatewayNameMaxChars = 64;

const sealedRequest = fields.map({
  /** Also the salt of the key. */
  id: fields.bytes(idBytes),
  at: fields.ms,
  gateway: z.string().min(1).max(gatewayNameMaxChars),
  ciphertext: fields.bytesUpTo(INTERNAL_CALL_MAX_BYTES),
});
const sealedReply = fields.map({
  salt: fields.bytes(idBytes),
  ciphertext: fields.bytesUpTo(INTERNAL_CALL_MAX_BYTES),
});
const none = new Uint8Array();

/** What {@link sealCall} seals. */
export interface OutgoingCall {
  /** The key [32] shared with the role. */
  readonly psk: Uint8Array;
  readonly subject: string;
  /** Name of the calling gateway; all its replicas share it. */
  readonly gateway: string;
  /** Unix milliseconds. */
  readonly now: number;
  readonly body: Uint8Array;
}

/** A call ready to be sent. */
export interface SealedCall {
  readonly bytes: Uint8Array;
  /**
   * The body of the reply.
   *
   * @throws DtaError `decryption_failed` for anything but the role's reply to exactly these bytes; `too_large`
   */
  openReply(reply: Uint8Array): Uint8Array;
}

/**
 * Seals a call of a gateway to one of its own roles (docs/protocol.md §5).
 *
 * `{ id [16], at, gateway, ciphertext }`; the key is HKDF(psk, salt = id, info = "DTA-INTERNAL1" ‖ LP(subject) ‖
 * LP(gateway)), and `at` is bound as additional data, u64: else whoever replays a call after its id was forgotten could
 * write a new time on it.
 */
export function sealCall({ psk, subject, gateway, now, body }: OutgoingCall): SealedCall {
  const id = randomBytes(idBytes);
  const key = requestKey(psk, id, subject, gateway);
  const bytes = encodeDocument(sealedRequest, { id, at: now, gateway, ciphertext: aeadSeal(key, body, u64(now)) });
  wipe(key);
  return { bytes, openReply: (reply) => openReply(psk, bytes, reply) };
}

/** A call as a role gets it. */
export interface OpenedCall {
  /** Random [16]. The role refuses an id that it has seen: a row, unique across its replicas. */
  readonly id: Uint8Array;
  readonly gateway: string;
  /** How far the call's `at` is ahead of the role's clock, in ms. */
  readonly aheadMs: number;
  readonly body: Uint8Array;
  /** Seals a reply to this call under a fresh salt, so that a reply made again is other bytes. */
  sealReply(body: Uint8Array): Uint8Array;
}

/**
 * Opens what {@link sealCall} sealed, by one of the keys: while a key is replaced two are in use. `now` is in Unix milliseconds. Whether the call is of this time is for the caller to
 * check, by {@link assertOfThisTime}: only then can the refusal be sealed, too.
 *
 * @throws DtaError `unauthenticated` where it wasn't sealed with one of these keys for this subject; `document_invalid`,
 * `non_canonical`, `too_large` for other bytes
 */
export function openCall(psks: readonly Uint8Array[], subject: string, bytes: Uint8Array, now: number): OpenedCall {
  const { id, at, gateway, ciphertext } = decodeDocument(sealedRequest, bytes, INTERNAL_CALL_MAX_BYTES);
  let refused: unknown;
  for (const psk of psks) {
    const key = requestKey(psk, id, subject, gateway);
    try {
      const body = aeadOpen(key, ciphertext, u64(at));
      return { id, gateway, aheadMs: at - now, body, sealReply: (reply) => sealReply(psk, bytes, reply) };
    } catch (cause) {
      refused = cause;
    } finally {
      wipe(key);
    }
  }
  throw new DtaError('unauthenticated', 'the call is not sealed with a key of this role', { cause: refused });
}

/**
 * A call is served within 120 s of its `at`: later, its id may have been forgotten. A role can't tell an old call that
 * somebody plays again from a new one of a gateway whose clock is wrong.
 *
 * @throws DtaError `clock_skewed`, with `aheadMs`
 */
export function assertOfThisTime({ gateway, aheadMs }: Pick<OpenedCall, 'gateway' | 'aheadMs'>): void {
  if (Math.abs(aheadMs) <= INTERNAL_CALL_CLOCK_MS) return;
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  const sentence = `the clock of the gateway ${gateway} is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} this role's`;
  throw new DtaError('clock_skewed', sentence, { metadata: { gateway, aheadMs } });
}

function sealReply(psk: Uint8Array, request: Uint8Array, body: Uint8Array): Uint8Array {
  const salt = randomBytes(idBytes);
  const key = replyKey(psk, salt, request);
  const reply = encodeDocument(sealedReply, { salt, ciphertext: aeadSeal(key, body, none) });
  wipe(key);
  return reply;
}

function openReply(psk: Uint8Array, request: Uint8Array, reply: Uint8Array): Uint8Array {
  const { salt, ciphertext } = decodeDocument(sealedReply, reply, INTERNAL_CALL_MAX_BYTES);
  const key = replyKey(psk, salt, request);
  try {
    return aeadOpen(key, ciphertext, none);
  } finally {
    wipe(key);
  }
}

function requestKey(psk: Uint8Array, id: Uint8Array, subject: string, gateway: string): Uint8Array {
  const utf8 = new TextEncoder();
  const bound = concat(lengthPrefixed(utf8.encode(subject)), lengthPrefixed(utf8.encode(gateway)));
  return deriveKey(psk, id, concat(ascii('DTA-INTERNAL1'), bound));
}

function replyKey(psk: Uint8Array, salt: Uint8Array, request: Uint8Array): Uint8Array {
  return deriveKey(psk, salt, concat(ascii('DTA-INTERNAL-REPLY1'), sha256(request)));
}

function deriveKey(psk: Uint8Array, salt: Uint8Array, info: Uint8Array): Uint8Array {
  if (psk.length !== PSK_BYTES) throw new DtaError('key_invalid', `a pre-shared key is ${PSK_BYTES} bytes`);
  return hkdf(psk, info, AEAD_KEY_BYTES, salt);
}
