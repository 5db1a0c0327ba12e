import { type InternalCall, type ParamsOf, type ResultOf } from '@dta/contracts';
import { sha256, timingSafeEqual } from '@dta/crypto';
import { DtaError } from '@dta/errors';
import { serveCall } from '@dta/internal-call';
import type { Sql } from './database.js';
import type { Node } from './node.js';

/** Who may call, and where calls that were seen are kept. */
export interface InternalInboxParts {
  readonly sql: Sql;
  /** pre-shared key [32] of the gateway and this role */
  readonly psk: Uint8Array;
  /** SHA-256 [32] of the bearer token; null in the standalone node, which has one user */
  readonly tokenHash: Uint8Array | null;
  readonly now: () => number;
  readonly onError: (error: unknown, call: InternalCall) => void;
}

/** Answers a gateway's sealed calls: opens, refuses a call seen before, checks the caller's token, answers sealed. */
export class InternalInbox {
  readonly #parts: InternalInboxParts;

  constructor(parts: InternalInboxParts) {
    this.#parts = parts;
  }

  /** The inbox of a role. */
  static of({ database, options, now, log, role }: Node): InternalInbox {
    return new InternalInbox({
      sql: database,
      psk: options.psk,
      tokenHash: options.tokenHash,
      now,
      onError: (error, call) => log.error({ err: error, role, call }, 'a call failed'),
    });
  }

  /**
   * @param payload the sealed call
   * @returns the sealed reply, or the sealed error
   * @throws `decryption_failed` and the like where there is nobody to answer under seal
   */
  answer<V extends InternalCall>(
    call: V,
    subject: string,
    payload: Uint8Array,
    run: (params: ParamsOf<V>) => Promise<ResultOf<V>>,
  ): Promise<Uint8Array> {
    const { psk, now, onError } = this.#parts;
    return serveCall(payload, {
      call,
      psk,
      subject,
      now: now(),
      onError: (error) => onError(error, call),
      handler: async ({ id, caller, params }) => {
        await this.#refuseReplay(id);
        if (call !== 'status') this.#authorise(caller.token); // a gateway's health asks for nobody
        return run(params);
      },
    });
  }

  async #refuseReplay(id: Uint8Array): Promise<void> {
    const rows: unknown[] = await this.#parts.sql.query(
      'INSERT INTO internal_calls (id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id',
      [Buffer.from(id)],
    );
    if (rows.length === 0) throw new DtaError('replayed', 'this call was made before');
  }

  #authorise(token: string | null): void {
    const { tokenHash } = this.#parts;
    if (tokenHash === null) return;
    if (token === null || !timingSafeEqual(sha256(new TextEncoder().encode(token)), tokenHash)) {
      throw new DtaError('unauthenticated', 'the bearer token is missing or not valid');
    }
  }
}
