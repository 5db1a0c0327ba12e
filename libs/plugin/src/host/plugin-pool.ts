import { DtaError } from '@dta/errors';
import type { CallName, Inputs, PluginDescription } from '../thread/messages.js';
import type { PluginLimits } from './limits.js';
import { PluginThread, type RawAnswer } from './plugin-thread.js';

/**
 * The threads of one plugin: one from the start, more while calls wait. A call that goes wrong takes its own thread with
 * it and no other call, since a thread runs one at a time; the next call starts another.
 */
export class PluginPool {
  readonly #plugin: string;
  readonly #specifier: string;
  readonly #limits: PluginLimits;
  readonly #idle: PluginThread[] = [];
  readonly #busy = new Set<PluginThread>();
  /** threads there are, those that start included */
  #count = 0;
  readonly #waiting: (() => void)[] = [];
  #isClosed = false;

  private constructor(plugin: string, specifier: string, limits: PluginLimits) {
    this.#plugin = plugin;
    this.#specifier = specifier;
    this.#limits = limits;
  }

  /** Loads a plugin in its first thread. @throws `plugin_failed`, `plugin_timeout` */
  static async open(
    source: string,
    specifier: string,
    limits: PluginLimits,
  ): Promise<{ pool: PluginPool; description: PluginDescription; passThrough: boolean }> {
    const { thread, ...said } = await PluginThread.start(source, specifier, {
      ...limits,
      loadMs: limits.startMs ?? limits.loadMs,
    });
    const pool = new PluginPool(said.description.name, specifier, limits);
    pool.#idle.push(thread);
    pool.#count = 1;
    return { pool, ...said };
  }

  /** Runs a call in a thread that is free. @throws `busy` beside what {@link PluginThread.call} throws */
  async run<C extends CallName>(call: C, input: Inputs[C]): Promise<RawAnswer> {
    const thread = await this.#acquire(performance.now() + this.#limits.queueMs);
    this.#busy.add(thread);
    try {
      return await thread.call(call, input);
    } finally {
      this.#busy.delete(thread);
      if (thread.isAlive) this.#idle.push(thread);
      else this.#count -= 1;
      this.#waiting.shift()?.();
    }
  }

  /** Ends all threads; settles when they are gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#idle.splice(0), ...this.#busy].map((thread) => thread.end()));
  }

  async #acquire(deadline: number): Promise<PluginThread> {
    for (;;) {
      if (this.#isClosed) throw new DtaError('service_unavailable', 'the node is stopping');
      const idle = this.#idle.pop();
      if (idle?.isAlive === true) return idle;
      if (idle !== undefined)
        this.#count -= 1; // it ended while nobody looked
      else if (this.#count < this.#limits.threads) return this.#start();
      else await this.#turn(deadline);
    }
  }

  async #start(): Promise<PluginThread> {
    this.#count += 1;
    try {
      const { thread } = await PluginThread.start(this.#plugin, this.#specifier, this.#limits);
      return thread;
    } catch (error) {
      this.#count -= 1;
      this.#waiting.shift()?.();
      throw error;
    }
  }

  /** Waits until a thread may be free. */
  #turn(deadline: number): Promise<void> {
    const busy = () =>
      new DtaError('busy', `the plugin ${this.#plugin} is busy`, { metadata: { retryAfterMs: this.#limits.queueMs } });
    if (this.#waiting.length >= this.#limits.queued) throw busy();
    return new Promise((resolve, reject) => {
      const wake = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(
        () => {
          this.#waiting.splice(this.#waiting.indexOf(wake), 1);
          reject(busy());
        },
        Math.max(0, deadline - performance.now()),
      );
      this.#waiting.push(wake);
    });
  }
}
