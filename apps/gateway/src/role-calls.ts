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
type Parts = {
  transport: Transport;
  logger: Logger;
  config: GatewayConfig;
  metrics: GatewayMetrics;
  /** Unix ms */
  now: () => number;
};

/** Sealed calls to the roles of this gateway's operator. */
export class RoleCalls {
  /** Principal, beneficiary, fiduciaries: as far as there are any. */
  readonly links: readonly RoleLink[];
  readonly #parts: Parts;
  readonly #clocks = new Clocks();

  constructor(parts: Parts) {
    const { principal, beneficiary, fiduciaries } = parts.config;
    this.#parts = parts;
    this.links = [
      ...(principal === null ? [] : [{ role: 'principal' as const, ...principal }]),
      ...(beneficiary === null ? [] : [{ role: 'beneficiary' as const, ...beneficiary }]),
      ...fiduciaries.map((address) => ({ role: 'fiduciary' as const, ...address })),
    ];
  }

  /** What the roles said last of this gateway's clock, where it is wrong by theirs; undefined where none does. */
  get clockFault(): string | undefined {
    return this.#clocks.fault;
  }

  has(role: Role): boolean {
    return this.links.some((link) => link.role === role);
  }

  /**
   * Calls the one role that serves `call`, for at most `timeoutMs` and never beyond the request's deadline.
   *
   * @throws DtaError the role's own; `clock_skewed` where gateway and role differ about the time; `not_found` where this
   * gateway has no such role; `service_unavailable`, `busy`, `timeout` where the role didn't answer
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
    const { transport, config, now } = this.#parts;
    const subject = internalSubject(link.node, link.role, verbOf(call));
    const { bytes, readReply } = makeCall(
      call,
      { psk: link.psk, subject, gateway: config.gatewayName, now: now() },
      { caller: { token }, requestId, traceparent, params },
    );
    let reply: Uint8Array;
    try {
      reply = await transport.request(subject, bytes, { timeoutMs: Math.min(timeoutMs, deadline - performance.now()) });
    } catch (error) {
      throw this.#unanswered(link, call, requestId, error);
    }
    try {
      const result = readReply(reply);
      this.#clocks.agrees(link);
      return result;
    } catch (error) {
      throw this.#said(link, error);
    }
  }

  /** What a role said under seal, so it is believed: also that the time of this gateway isn't its own. */
  #said(link: RoleLink, error: unknown): unknown {
    if (!isDtaError(error, 'clock_skewed') || typeof error.metadata['aheadMs'] !== 'number') return error;
    const { aheadMs } = error.metadata;
    const seconds = Math.round(Math.abs(aheadMs) / 1000);
    const sentence = `this gateway's clock is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the ${link.role}'s`;
    if (this.#clocks.differs(link, sentence)) {
      const { role, node } = link;
      this.#parts.logger.error({ role, node, aheadMs }, `${sentence}: no call is served until they agree`);
    }
    return new DtaError('clock_skewed', sentence, { metadata: { aheadMs }, cause: error });
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

/** How often a clock that stays wrong is told of in the log. */
const TELL_AGAIN_MS = 60_000;

/** What each role said last of this gateway's clock. */
class Clocks {
  readonly #faults = new Map<RoleLink, string>();
  readonly #toldAt = new Map<RoleLink, number>();

  get fault(): string | undefined {
    const faults = [...this.#faults.values()];
    return faults.length === 0 ? undefined : faults.join('; ');
  }

  agrees(link: RoleLink): void {
    this.#faults.delete(link);
    this.#toldAt.delete(link);
  }

  /** Whether it is time to tell of it. */
  differs(link: RoleLink, sentence: string): boolean {
    this.#faults.set(link, sentence);
    const now = performance.now();
    if (now - (this.#toldAt.get(link) ?? -Infinity) < TELL_AGAIN_MS) return false;
    this.#toldAt.set(link, now);
    return true;
  }
}
