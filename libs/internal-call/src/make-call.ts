import { decodeDocument, encodeDocument, NO_ITEM_LIMITS } from '@dta/codec';
import {
  callBodySchema,
  callReplySchema,
  INTERNAL_CALL_MAX_BYTES,
  type CallBody,
  type CallError,
  type CallReply,
  type InternalCall,
  type ResultOf,
} from '@dta/contracts';
import { wipe } from '@dta/crypto';
import { DtaError, isErrorCode, type ErrorMetadata } from '@dta/errors';
import { sealCall, type OutgoingCall, type SealedCall } from './seal.js';

/** A typed call ready to be sent. */
export interface MadeCall<V extends InternalCall> {
  readonly bytes: Uint8Array;
  /**
   * The result that the role sealed.
   *
   * @throws DtaError what the role's handler threw, by code, message and metadata; `service_unavailable` where the bytes
   * aren't that role's reply to this call
   */
  readReply(reply: Uint8Array): ResultOf<V>;
}

/**
 * The gateway's end of a call: encodes its body and seals it.
 *
 * @example
 * const { bytes, readReply } = makeCall('principal.get-order', { psk, subject, gateway, now: Date.now() }, body);
 * const order = readReply(await transport.request(subject, bytes, { timeoutMs: 5_000 }));
 */
export function makeCall<V extends InternalCall>(
  call: V,
  to: Omit<OutgoingCall, 'body'>,
  body: CallBody<V>,
): MadeCall<V> {
  const encoded = encodeDocument(callBodySchema(call), body, NO_ITEM_LIMITS);
  const { bytes, openReply } = sealBody(to, encoded);
  return {
    bytes,
    readReply: (sealed) => {
      const reply = decodeReply(call, () => openReply(sealed));
      if ('error' in reply) throw remoteError(reply.error);
      return reply.result;
    },
  };
}

/** Seals a call's body and wipes it: a token is in it, and often a secret. */
function sealBody(to: Omit<OutgoingCall, 'body'>, body: Uint8Array): SealedCall {
  try {
    return sealCall({ ...to, body });
  } finally {
    wipe(body);
  }
}

function decodeReply<V extends InternalCall>(call: V, open: () => Uint8Array): CallReply<V> {
  let encoded: Uint8Array | undefined;
  try {
    encoded = open();
    return decodeDocument(callReplySchema(call), encoded, INTERNAL_CALL_MAX_BYTES, NO_ITEM_LIMITS);
  } catch (cause) {
    throw new DtaError('service_unavailable', `what came back is not the reply to ${call}`, { cause });
  } finally {
    if (encoded !== undefined) wipe(encoded);
  }
}

/** The role's error as our own; it was sealed by an own role, so it is believed. */
function remoteError({ code, message, metadata }: CallError): DtaError {
  if (!isErrorCode(code)) return new DtaError('internal', message, { metadata: { remoteCode: code } });
  return new DtaError(code, message, { metadata: metadata as ErrorMetadata }); // made by serveCall out of a DtaError
}
