import {
  INTERNAL_CALL_TIMEOUT_MS,
  internalSubject,
  verbOf,
  type Cid,
  type InternalCall,
  type ParamsOf,
  type ResultOf,
  type Role,
} from '@dta/contracts';
import { DtaError, isDtaError, toDtaError } from '@dta/errors';
import { makeCall } from '@dta/internal-call';
import type { Logger } from '@dta/service';
import type { Transport } from '@dta/transport';
import type { GatewayConfig } from './config.js';
import type { CallAnswered, GatewayMetrics } from './gateway-metrics.js';
import type { RequestContext } from './request-context.js';

/** One role behind this gateway. */
export interface RoleLink {
  readonly role: Role;
  readonly node: Cid;
  readonly psk: Uint8Array;
}

/** What one of several roles answered. */
export interface RoleAnswer<V extends InternalCall> {
  readonly link: RoleLink;
  readonly outcome: PromiseSettledResult<ResultOf<V>>;
}

type CallOfOneRole = Extract<InternalCall, `${string}.${string}`>;
type CallOfEveryRole = Exclude<InternalCall, CallOfOneRole>;
type Parts = { transport: Transport; logger: Logger; config: GatewayConfig; metrics: GatewayMetrics };

/** Sealed calls to the roles of this gateway's operator. */
export class RoleCalls {
  /** Principal, beneficiary, fiduciaries: as far as there are any. */
  readonly links: readonly RoleLink[];
  readonly #parts: Parts;

  constructor(parts: Parts) {
    const { principal, beneficiary, fiduciaries } = parts.config;
    this.#parts = parts;
    this.links = [
      ...(principal === null ? [] : [{ role: 'principal' as const, ...principal }]),
      ...(beneficiary === null ? [] : [{ role: 'beneficiary' as const, ...beneficiary }]),
      ...fiduciaries.map((address) => ({ role: 'fiduciary' as const, ...address })),
    ];
  }

  has(role: Role): boolean {
    return this.links.some((link) => link.role === role);
  }

  /**
   * Calls the one role that serves `call`, for at most `timeoutMs` and never beyond the request's deadline.
   *
   * @throws DtaError the role's own; `not_found` where this gateway has no such role; `service_unavailable`, `busy`,
   * `timeout` where the role didn't answer
   */
  async call<V extends CallOfOneRole>(
    call: V,
    params: ParamsOf<V>,
    context: RequestContext,
    timeoutMs: number = INTERNAL_CALL_TIMEOUT_MS,
  ): Promise<ResultOf<V>> {
    const link = this.links.find(({ role }) => call.startsWith(`${role}.`));
    if (link === undefined) {
      throw new DtaError('not_found', `there is no ${call.split('.', 1).join('')} behind this gateway`);
    }
    return this.#send(link, call, params, context, timeoutMs);
  }

  /** Calls every role at once; settles when all have answered or failed, as {@link RoleCalls.call} does. */
  callAll<V extends CallOfEveryRole>(
    call: V,
    params: ParamsOf<V>,
    context: RequestContext,
    timeoutMs: number = INTERNAL_CALL_TIMEOUT_MS,
  ): Promise<RoleAnswer<V>[]> {
    return Promise.all(
      this.links.map(async (link) => {
        const [outcome] = await Promise.allSettled([this.#send(link, call, params, context, timeoutMs)]);
        return { link, outcome };
      }),
    );
  }

  async #send<V extends InternalCall>(
    link: RoleLink,
    call: V,
    params: ParamsOf<V>,
    context: RequestContext,
    timeoutMs: number,
  ): Promise<ResultOf<V>> {
    const begun = performance.now();
    const tell = (code: CallAnswered['code']) =>
      this.#parts.metrics.call({ call, role: link.role, code, seconds: (performance.now() - begun) / 1000 });
    try {
      const result = await this.#ask(link, call, params, context, timeoutMs);
      tell('ok');
      return result;
    } catch (error) {
      tell(toDtaError(error).code);
      throw error;
    }
  }

  async #ask<V extends InternalCall>(
    link: RoleLink,
    call: V,
    params: ParamsOf<V>,
    { token, requestId, traceparent, deadline }: RequestContext,
    timeoutMs: number,
  ): Promise<ResultOf<V>> {
    const { transport, config } = this.#parts;
    const now = Date.now();
    const subject = internalSubject(link.node, link.role, verbOf(call));
    const { bytes, readReply } = makeCall(
      call,
      { psk: link.psk, subject, gateway: config.gatewayName, now },
      { caller: { token }, requestId, traceparent, params },
    );
    let reply: Uint8Array;
    try {
      reply = await transport.request(subject, bytes, { timeoutMs: Math.min(timeoutMs, deadline - now) });
    } catch (error) {
      throw this.#unanswered(link, call, requestId, error);
    }
    return readReply(reply);
  }

  /** An error outside the seal is anyone's word: it says that the role is away, and no more. */
  #unanswered(link: RoleLink, call: InternalCall, requestId: string, cause: unknown): DtaError {
    const { role, node } = link;
    const level = call === 'status' ? 'debug' : 'warn'; // asked again and again while a role is away
    this.#parts.logger[level]({ requestId, role, node, call, err: cause }, 'a role did not answer');
    if (isDtaError(cause, 'busy'))
      return new DtaError('busy', `the ${role} is busy`, { metadata: cause.metadata, cause });
    if (isDtaError(cause, 'timeout')) return new DtaError('timeout', `the ${role} did not answer in time`, { cause });
    return new DtaError('service_unavailable', `the ${role} is away`, { cause });
  }
}
