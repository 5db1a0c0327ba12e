import type { Cid } from '@dta/codec';
import { SQL_SILENCE_TIMEOUT_MS, SQL_STATEMENT_TIMEOUT_MS } from '@dta/contracts';
import { ORDER_CHANGED, type Job, type Node } from '@dta/node';
import pg from 'pg';

const RECONNECT_MS = 1_000;
/** Behind LISTEN: an order that changed while the connection was away is seen all the same. All look at the same moment. */
const LOOK_MS = 1_000;

/** Hears of a change: the order's new state, or undefined where the wait just ended. */
type Waiter = (state: string | undefined) => void;

/** Tells of changes of orders, by whichever replica. */
export class OrderWatch implements Job {
  readonly #node: Node;
  readonly #waiters = new Map<string, Set<Waiter>>();
  #listener: (ref: string, version: number) => void = () => undefined;
  #client: pg.Client | undefined;
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(node: Node) {
    this.#node = node;
    void this.#listen();
  }

  async #listen(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#node.options.database.url,
      application_name: 'dta listen',
      connectionTimeoutMillis: SQL_STATEMENT_TIMEOUT_MS,
      query_timeout: SQL_SILENCE_TIMEOUT_MS,
      keepAlive: true, // of one that died without a word, polling makes up for the silence
    });
    const again = () => {
      if (this.#client !== client || this.#stopped) return;
      this.#client = undefined;
      this.#retry = setTimeout(() => void this.#listen(), RECONNECT_MS);
    };
    this.#client = client;
    client.on('error', again);
    client.on('end', again);
    client.on('notification', ({ payload = '' }) => {
      const [ref = '', version, state] = payload.split(' ');
      for (const waiter of this.#waiters.get(ref) ?? []) waiter(state);
      this.#listener(ref, Number(version));
    });
    try {
      await client.connect();
      await client.query(`LISTEN ${ORDER_CHANGED}`);
    } catch {
      again(); // polling goes on meanwhile
    }
  }

  /** Whom to tell of each change of any order, with its new version. */
  onChange(listener: (ref: string, version: number) => void): void {
    this.#listener = listener;
  }

  /** The state at the next change of `ref`; undefined within a second, after `ms`, or at the end of the process. */
  changed(ref: Cid, ms: number): Promise<string | undefined> {
    return new Promise((resolve) => {
      const waiters = this.#waiters.get(ref) ?? new Set();
      this.#waiters.set(ref, waiters);
      const done: Waiter = (state) => {
        clearTimeout(timer);
        waiters.delete(done);
        if (waiters.size === 0) this.#waiters.delete(ref);
        resolve(state);
      };
      const untilLook = LOOK_MS - (performance.now() % LOOK_MS);
      const timer = setTimeout(done, Math.max(1, Math.min(ms, untilLook)), undefined);
      waiters.add(done);
      if (this.#stopped) done(undefined);
    });
  }

  /** Whether this process is about to end: then nobody waits any more. */
  get stopped(): boolean {
    return this.#stopped;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    for (const waiters of [...this.#waiters.values()]) for (const done of [...waiters]) done(undefined);
    await this.#client?.end().catch(() => undefined);
  }
}
