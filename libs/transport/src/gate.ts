import { DtaError } from '@dta/errors';

/** How much a {@link Gate} lets through. */
export interface GateOptions {
  /** Messages in work at a time; 32 by default. */
  inWork?: number;
  /** Messages that wait for a place in work; 32 by default. */
  queued?: number;
  /** What a refused caller is told to wait, in milliseconds; 500 by default. */
  retryAfterMs?: number;
}

/** A task's place in work. */
export interface Place {
  /** Gives the place up before the task ends: for one that from here on only waits. */
  leave(): void;
}

/**
 * Backpressure: at most `inWork` tasks run, at most `queued` wait in the order they came, and any more are refused before
 * they begin. One gate is shared by every subject a role instance serves (docs/architecture.md, Limits).
 */
export class Gate {
  readonly #limits: Required<GateOptions>;
  readonly #waiting: (() => void)[] = [];
  #inWork = 0;

  constructor({ inWork = 32, queued = 32, retryAfterMs = 500 }: GateOptions = {}) {
    this.#limits = { inWork, queued, retryAfterMs };
  }

  /** Tasks in work and waiting, for metrics. */
  get load(): { readonly inWork: number; readonly queued: number } {
    return { inWork: this.#inWork, queued: this.#waiting.length };
  }

  /**
   * Runs `task` when there is a place for it.
   *
   * @throws DtaError `busy` with metadata `retryAfterMs`, `task` untouched, where both limits are reached; else what `task` throws
   */
  async run<T>(task: (place: Place) => Promise<T>): Promise<T> {
    await this.#enter();
    let held = true;
    const leave = () => {
      if (held) this.#leave();
      held = false;
    };
    try {
      return await task({ leave });
    } finally {
      leave();
    }
  }

  #enter(): Promise<void> | undefined {
    const { inWork, queued, retryAfterMs } = this.#limits;
    if (this.#inWork < inWork) {
      this.#inWork += 1;
      return undefined;
    }
    if (this.#waiting.length >= queued) {
      throw new DtaError('busy', `${inWork} messages in work and ${queued} waiting`, { metadata: { retryAfterMs } });
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#inWork -= 1;
    else next(); // the place passes on, so no newcomer can slip in between
  }
}

/** The gate of handlers that only wait, as `await-order` does, or only look, as `status`: 1,000 at a time and no queue. */
export function waiterGate(options: GateOptions = {}): Gate {
  return new Gate({ inWork: 1000, queued: 0, ...options });
}
