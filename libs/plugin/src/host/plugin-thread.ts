import { DtaError } from '@dta/errors';
import { Worker } from 'node:worker_threads';
import type { AnswerMessage, CallName, Inputs, LoadMessage, PluginDescription } from '../thread/messages.js';
import type { PluginLimits } from './limits.js';

const program = new URL('../thread/main.js', import.meta.url);
/** How often a running call's memory outside the heap is looked at, which V8's own limit doesn't count. */
const WATCH_MS = 50;

/** What a call gives: the extension still as text, and what is to be held. */
export type RawAnswer = Extract<AnswerMessage, { extension: string }>;

/**
 * A thread with one plugin in it, which runs one call at a time. It has no environment, and what the plugin prints goes
 * nowhere. Once a call has failed by its time, its memory or its end, the thread is dead and another is needed.
 */
export class PluginThread {
  readonly #worker: Worker;
  readonly #plugin: string;
  readonly #limits: PluginLimits;
  #isAlive = true;
  /** what becomes of the message that is waited for */
  #settle: ((outcome: unknown) => void) | undefined;

  /** @param plugin what it is called in errors */
  private constructor(plugin: string, specifier: string, limits: PluginLimits) {
    this.#plugin = plugin;
    this.#limits = limits;
    this.#worker = new Worker(program, {
      workerData: { specifier },
      argv: [],
      execArgv: [],
      env: {},
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: limits.heapMb, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 },
    });
    this.#worker.stdout.resume();
    this.#worker.stderr.resume();
    this.#worker.on('message', (message: unknown) => this.#settle?.(message));
    this.#worker.on('error', (error: NodeJS.ErrnoException) => {
      const isMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      this.#die(isMemory ? this.#tooMuchMemory() : this.#failed('its thread failed'));
    });
    this.#worker.on('exit', () => this.#die(this.#failed('its thread ended')));
    this.#worker.unref();
  }

  /** Starts a thread and loads the plugin in it. @throws `plugin_failed`, `plugin_timeout` */
  static async start(
    plugin: string,
    specifier: string,
    limits: PluginLimits,
  ): Promise<{ thread: PluginThread; description: PluginDescription; passThrough: boolean }> {
    const thread = new PluginThread(plugin, specifier, limits);
    const message = (await thread.#next(limits.loadMs)) as LoadMessage; // the first is always this
    if ('loaded' in message) return { thread, description: message.loaded, passThrough: message.passThrough };
    await thread.end();
    throw thread.#failed(`it can not be loaded: ${message.unloadable}`);
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /**
   * Runs one call. The thread gets copies of the input's bytes, and wipes what is secret in them.
   *
   * @throws `plugin_refused` in the plugin's words; `plugin_failed`, `plugin_timeout`
   */
  async call<C extends CallName>(call: C, input: Inputs[C]): Promise<RawAnswer> {
    const answer = this.#next(this.#limits.callMs);
    if (this.#isAlive) {
      const copied = Object.entries(input).map(([name, value]) => [name, copyOf(value)] as const);
      const moved = copied.flatMap(([, value]) => (isOwnBytes(value) ? [value.buffer] : []));
      this.#worker.postMessage({ call, input: Object.fromEntries(copied) }, moved);
    }
    const watch = setInterval(() => void this.#watchMemory(), WATCH_MS);
    try {
      const message = (await answer) as AnswerMessage; // our own program's; the plugin has no hand on the port
      if ('refused' in message) throw new DtaError('plugin_refused', message.refused, this.#named());
      if ('fault' in message) throw this.#failed(message.fault);
      return message;
    } finally {
      clearInterval(watch);
    }
  }

  /** Ends the thread, whatever it does; settles when it is gone, and one that is in a system call goes when that ends. */
  async end(): Promise<void> {
    this.#isAlive = false;
    await this.#worker.terminate();
  }

  #next(ms: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#die(this.#timedOut(ms)), ms);
      this.#settle = (outcome) => {
        clearTimeout(timer);
        this.#settle = undefined;
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      if (!this.#isAlive) this.#settle(this.#failed('its thread ended'));
    });
  }

  #die(error: DtaError): void {
    void this.end();
    this.#settle?.(error);
  }

  async #watchMemory(): Promise<void> {
    const { external_memory: bytes } = await this.#worker.getHeapStatistics().catch(() => ({ external_memory: 0 })); // it has ended
    if (bytes > this.#limits.bytesMb * 1024 * 1024) this.#die(this.#tooMuchMemory());
  }

  #tooMuchMemory(): DtaError {
    return this.#failed('it takes more memory than it may');
  }

  #timedOut(ms: number): DtaError {
    return new DtaError('plugin_timeout', `the plugin ${this.#plugin} took longer than ${ms} ms`, this.#named());
  }

  #failed(reason: string): DtaError {
    return new DtaError('plugin_failed', `the plugin ${this.#plugin} failed: ${reason}`, this.#named());
  }

  #named() {
    return { metadata: { plugin: this.#plugin } };
  }
}

/** Bytes in a buffer of their own: one that is moved to a thread takes whatever else is in it along. */
function copyOf(value: unknown): unknown {
  return value instanceof Uint8Array ? Uint8Array.from(value) : value;
}

function isOwnBytes(value: unknown): value is Uint8Array<ArrayBuffer> {
  return value instanceof Uint8Array && value.buffer instanceof ArrayBuffer;
}
