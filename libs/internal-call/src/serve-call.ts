import { decodeDocument, encodeDocument, NO_ITEM_LIMITS } from '@dta/codec';
import {
  callBodySchema,
  callReplySchema,
  INTERNAL_CALL_MAX_BYTES,
  type CallBody,
  type CallReply,
  type InternalCall,
  type ResultOf,
} from '@dta/contracts';
import { wipe } from '@dta/crypto';
import { DtaError, isDtaError, toDtaError, type ErrorCode } from '@dta/errors';
import { assertOfThisTime, openCall, type OpenedCall } from './seal.js';

/** A call as a role's handler gets it, opened and checked against its schema. */
export interface ServedCall<V extends InternalCall> extends CallBody<V> {
  /** Random [16]: the handler refuses one that it has seen, with `replayed`. */
  readonly id: Uint8Array;
  readonly gateway: string;
}

/** What a role does for a call. */
export type CallHandler<V extends InternalCall> = (call: ServedCall<V>) => Promise<ResultOf<V>>;

/** How a call is served. */
export interface ServeCallOptions<V extends InternalCall> {
  readonly call: V;
  /** The keys [32] shared with the gateway; the reply goes by the one that opens the call. */
  readonly psks: readonly Uint8Array[];
  readonly subject: string;
  /** Unix milliseconds. */
  readonly now: number;
  readonly handler: CallHandler<V>;
  /** Told of what the caller isn't told: errors that aren't a `DtaError`, and those that are `internal`. */
  readonly onError: (error: unknown, call: V) => void;
  /** Told what stands inside the seal of the reply: `ok`, or the error's code. */
  readonly onAnswered?: (code: 'ok' | ErrorCode) => void;
}

/**
 * The role's end of a call: opens it, checks its time and its parameters, runs the handler, seals the result or the error.
 * A `DtaError` reaches the caller by code, message and metadata, anything else as `internal`. A call of another time gets
 * `clock_skewed`, under seal: so the gateway knows that its role says so, and who plays an old call again learns nothing.
 *
 * @throws DtaError as {@link openCall}, unsealed: who can't seal a call is told no more
 */
export async function serveCall<V extends InternalCall>(
  bytes: Uint8Array,
  options: ServeCallOptions<V>,
): Promise<Uint8Array> {
  const opened = openCall(options.psks, options.subject, bytes, options.now);
  const body = await answer(opened, options);
  try {
    return opened.sealReply(body);
  } finally {
    wipe(body); // it may hold a secret
  }
}

async function answer<V extends InternalCall>(
  opened: OpenedCall,
  { call, handler, onError, onAnswered = () => undefined }: ServeCallOptions<V>,
): Promise<Uint8Array> {
  const encode = (reply: CallReply<V>) => encodeDocument(callReplySchema(call), reply, NO_ITEM_LIMITS);
  try {
    const { id, gateway } = opened;
    assertOfThisTime(opened);
    const reply = encode({ result: await handler({ ...readBody(call, opened.body), id, gateway }) });
    onAnswered('ok');
    return reply;
  } catch (error) {
    if (!isDtaError(error) || error.code === 'internal') onError(error, call);
    const known = toDtaError(error);
    onAnswered(known.code);
    return encode({ error: known.toJSON() });
  }
}

function readBody<V extends InternalCall>(call: V, body: Uint8Array): CallBody<V> {
  try {
    return decodeDocument(callBodySchema(call), body, INTERNAL_CALL_MAX_BYTES, NO_ITEM_LIMITS);
  } catch (cause) {
    if (!isDtaError(cause)) throw cause;
    throw new DtaError('request_invalid', `the parameters of ${call} are not valid`, {
      metadata: cause.metadata,
      cause,
    });
  } finally {
    wipe(body); // as above
  }
}
