import type { Cid } from '@dta/codec';
import { ORDER_CHANGED, type Job, type Node } from '@dta/node';
import { EventEmitter, once } from 'node:events';
import pg from 'pg';

const RECONNECT_MS = 1_000;
/** Behind LISTEN: an order that changed while the connection was away is seen all the same. */
const POLL_MS = 1_000;

const ANY = Symbol('any order');

/** Tells of changes of orders, by whichever replica. */
export class OrderWatch implements Job {
  readonly #changes = new EventEmitter().setMaxListeners(0);
  readonly #node: Node;
  #client: pg.Client | undefined;
  #retry: NodeJS.Timeout | undefined;
  readonly #ended = new AbortController();

  constructor(node: Node) {
    this.#node = node;
    void this.#listen();
  }

  async #listen(): Promise<void> {
    const client = new pg.Client({ connectionString: this.#node.options.database.url, application_name: 'dta listen' });
    const again = () => {
      if (this.#client !== client || this.stopped) return;
      this.#client = undefined;
      this.#retry = setTimeout(() => void this.#listen(), RECONNECT_MS);
    };
    this.#client = client;
    client.on('error', again);
    client.on('end', again);
    client.on('notification', ({ payload = '' }) => {
      const [ref = '', version] = payload.split(' ');
      this.#changes.emit(ref);
      this.#changes.emit(ANY, ref, Number(version));
    });
    try {
      await client.connect();
      await client.query(`LISTEN ${ORDER_CHANGED}`);
    } catch {
      again(); // polling goes on meanwhile
    }
  }

  /** Calls back at each change of any order, with its new version. */
  onChange(listener: (ref: Cid, version: number) => void): void {
    this.#changes.on(ANY, listener);
  }

  /** Settles at the next change of `ref`, after a second, or after `ms`, whichever comes first. */
  async changed(ref: Cid, ms: number): Promise<void> {
    const signal = AbortSignal.any([this.#ended.signal, AbortSignal.timeout(Math.max(1, Math.min(ms, POLL_MS)))]);
    await once(this.#changes, ref, { signal }).catch(() => undefined);
  }

  /** Whether this process is about to end: then nobody waits any more. */
  get stopped(): boolean {
    return this.#ended.signal.aborted;
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    clearTimeout(this.#retry);
    await this.#client?.end().catch(() => undefined);
  }
}
