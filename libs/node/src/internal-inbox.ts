import { verbOf, type InternalCall, type ParamsOf, type ResultOf } from '@dta/contracts';
import { sha256, timingSafeEqual } from '@dta/crypto';
import { DtaError, toDtaError } from '@dta/errors';
import { serveCall, type ServedCall } from '@dta/internal-call';
import { traceIdOf, type Logger } from '@dta/service';
import type { Answered } from '@dta/transport';
import type { Sql } from './database.js';
import { Gathered } from './gathered.js';
import type { Node } from './node.js';
import type { RefusalLog } from './refusal-log.js';

/** Who may call, and where calls that were seen are kept. */
export interface InternalInboxParts {
  readonly sql: Sql;
  /** pre-shared keys [32] of the gateway and this role */
  readonly psks: readonly Uint8Array[];
  /** SHA-256 [32] of each bearer token; null in the standalone node, which has one user */
  readonly tokenHashes: readonly Uint8Array[] | null;
  readonly now: () => number;
  readonly log: Logger;
  readonly refusals: RefusalLog;
  /** told of each call that was answered under seal */
  readonly observe: (verb: string, answered: Answered) => void;
}

/** Calls that only look or wait, again and again: of no interest in a log, while they succeed. */
const unremarkable: ReadonlySet<InternalCall> = new Set(['status', 'principal.await-order', 'principal.await-events']);

/** Answers a gateway's sealed calls: opens, refuses a call seen before, checks the caller's token, answers sealed. */
export class InternalInbox {
  readonly #parts: InternalInboxParts;
  readonly #firstSeen: Gathered<Uint8Array, boolean>;

  constructor(parts: InternalInboxParts) {
    this.#parts = parts;
    this.#firstSeen = new Gathered((ids) => firstSeen(parts.sql, ids));
  }

  /** The inbox of a role. */
  static of({ database, options, now, log, refusals, role, metrics }: Node): InternalInbox {
    return new InternalInbox({
      refusals,
      sql: database,
      psks: options.psks,
      tokenHashes: options.tokenHashes,
      now,
      log: log.child({ role }),
      observe: (verb, answered) => metrics.request('internal', verb, answered),
    });
  }

  /**
   * @param payload the sealed call
   * @returns the sealed reply, or the sealed error
   * @throws `decryption_failed` and the like where there is nobody to answer under seal
   */
  async answer<V extends InternalCall>(
    call: V,
    subject: string,
    payload: Uint8Array,
    run: (params: ParamsOf<V>) => Promise<ResultOf<V>>,
  ): Promise<Uint8Array> {
    const { psks, now, log, refusals, observe } = this.#parts;
    const begun = performance.now();
    const answered = serveCall(payload, {
      call,
      psks,
      subject,
      now: now(),
      onError: (err) => log.error({ err, call }, 'a call failed'),
      onAnswered: (code) => observe(verbOf(call), { code, seconds: (performance.now() - begun) / 1000 }),
      handler: (served) => this.#logged(call, served, () => this.#admit(call, served, run)),
    });
    try {
      return await answered;
    } catch (error) {
      // outside any seal: another key than this role's, or a clock that is off; the gateway is told no more than the code
      refusals.refused({ verb: verbOf(call), peer: null, isVerified: false, order: null }, error);
      throw error;
    }
  }

  async #admit<V extends InternalCall>(
    call: V,
    { id, caller, params }: ServedCall<V>,
    run: (params: ParamsOf<V>) => Promise<ResultOf<V>>,
  ): Promise<ResultOf<V>> {
    if (call !== 'status') {
      await this.#refuseReplay(id);
      this.#authorise(caller.token);
    } // a gateway's health asks for nobody, changes nothing, and must be told where the database is away
    return run(params);
  }

  /** One line a call: whose request it belongs to, which order it was about, how it ended. */
  async #logged<V extends InternalCall>(
    call: V,
    { requestId, traceparent, params }: ServedCall<V>,
    run: () => Promise<ResultOf<V>>,
  ): Promise<ResultOf<V>> {
    const begun = performance.now();
    const tell = (code: string, order: object) => {
      const level = unremarkable.has(call) && code === 'ok' ? 'debug' : 'info';
      const ms = Math.round(performance.now() - begun);
      this.#parts.log[level]({ requestId, ...traceIdOf(traceparent), call, ...order, code, ms }, 'call');
    };
    try {
      const result = await run();
      tell('ok', { ...orderOf(result), ...orderOf(params) });
      return result;
    } catch (error) {
      tell(toDtaError(error).code, orderOf(params));
      throw error;
    }
  }

  async #refuseReplay(id: Uint8Array): Promise<void> {
    if (!(await this.#firstSeen.ask(id))) throw new DtaError('replayed', 'this call was made before');
  }

  #authorise(token: string | null): void {
    const { tokenHashes } = this.#parts;
    if (tokenHashes === null) return;
    const shown = token === null ? null : sha256(new TextEncoder().encode(token));
    const isKnown = shown !== null && tokenHashes.filter((hash) => timingSafeEqual(shown, hash)).length > 0; // looks at all
    if (!isKnown) {
      throw new DtaError('unauthenticated', 'the bearer token is missing or not valid');
    }
  }
}

/** Which of these calls were not seen before, by any replica; of equal ones the first alone. */
async function firstSeen(sql: Sql, ids: readonly Uint8Array[]): Promise<boolean[]> {
  const names = ids.map((id) => Buffer.from(id).toString('hex'));
  const rows: { id: Buffer }[] = await sql.query(
    `INSERT INTO internal_calls (id) SELECT decode(name, 'hex') FROM unnest($1::text[]) AS name
     ON CONFLICT DO NOTHING RETURNING id`,
    [[...new Set(names)].sort()], // in one order, so that two replicas never wait for each other
  );
  const unclaimed = new Set(rows.map(({ id }) => id.toString('hex')));
  return names.map((name) => unclaimed.delete(name));
}

/** The order that parameters or a result name. */
function orderOf(said: object): { orderReference?: string } {
  const { orderReference } = said as { orderReference?: unknown }; // looked at, whatever the call
  return typeof orderReference === 'string' ? { orderReference } : {};
}
