import { z } from 'zod';
import { TOKEN_MAX_CHARS } from '../limits.js';
import { internalCalls, type InternalCall, type ParamsOf, type ResultOf } from './calls.js';

/** Who stands behind a call: the bearer token of its HTTP request, for the role to check; `null` in the standalone node. */
const callerSchema = z.strictObject({ token: z.string().max(TOKEN_MAX_CHARS).nullable() });
type Caller = z.output<typeof callerSchema>;

/** A call inside its seal. */
export interface CallBody<V extends InternalCall> {
  readonly caller: Caller;
  readonly requestId: string;
  /** W3C Trace Context. */
  readonly traceparent: string | null;
  readonly params: ParamsOf<V>;
}

/** An error inside the seal of its reply. The code may be one that this version doesn't know. */
export interface CallError {
  readonly code: string;
  readonly message: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** A reply inside its seal. */
export type CallReply<V extends InternalCall> = { readonly result: ResultOf<V> } | { readonly error: CallError };

const error = z.object({
  code: z.string().max(64),
  message: z.string().max(2_000),
  metadata: z.record(z.string(), z.unknown()),
});

/** Made once: a schema costs far more to make than to use. */
const schemas = new Map(
  Object.entries(internalCalls).map(([call, { params, result }]) => [
    call,
    {
      body: z.strictObject({
        caller: callerSchema,
        requestId: z.string().min(1).max(64),
        traceparent: z.string().max(64).nullable(),
        params,
      }),
      reply: z.union([
        z.object({ result, error: z.never().optional() }),
        z.object({ error, result: z.never().optional() }),
      ]),
    },
  ]),
);

/** The body of a call, as DAG-CBOR inside the seal. */
export function callBodySchema<V extends InternalCall>(call: V): z.ZodType<CallBody<V>> {
  return schemas.get(call)?.body as unknown as z.ZodType<CallBody<V>>; // the compiler can't index by a type parameter
}

/** The body of a reply, as DAG-CBOR inside the seal. */
export function callReplySchema<V extends InternalCall>(call: V): z.ZodType<CallReply<V>> {
  return schemas.get(call)?.reply as unknown as z.ZodType<CallReply<V>>; // as above
}
