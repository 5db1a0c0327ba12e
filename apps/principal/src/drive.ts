import type { OpenOrder } from './open-order.js';

/** For as long an order keeps its place after the last step that anybody waits for. */
const LINGER_MS = 1_000;

/** An order being driven: where others leave word that it has changed. */
export class Drive {
  /** whether it was left off before, by this process or another */
  readonly isResumed: boolean;
  done: Promise<void> = Promise.resolve();
  /** the newest version that the database told of */
  notified = 0;
  /** the order as this process wrote it elsewhere */
  newer: OpenOrder | null = null;
  /** whether a step waits for an answer */
  isAwaited = true;
  #heardAt = performance.now();
  #hangs = false;
  #wake: () => void = () => undefined;

  constructor(isResumed: boolean) {
    this.isResumed = isResumed;
  }

  take(open: OpenOrder): void {
    this.newer = open;
    this.heard();
    this.wake();
  }

  changed(version: number): void {
    this.notified = Math.max(this.notified, version);
    this.wake();
  }

  /** Somebody answered, whatever it was. */
  heard(): void {
    this.#heardAt = performance.now();
    this.#hangs = false;
  }

  /** Somebody didn't answer in time. */
  hangs(): void {
    this.#hangs = true;
  }

  /** Whether it needs no place: a party hangs, or nobody waits for what is still owed. */
  get lingers(): boolean {
    return this.#hangs || (!this.isAwaited && performance.now() >= this.#heardAt + LINGER_MS);
  }

  wake(): void {
    this.#wake();
  }

  /** Waits until a message is answered, somebody wakes it, it begins to linger, or `ms` have passed. */
  async pause(sending: readonly Promise<void>[], ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const untilLingering = this.isAwaited || this.lingers ? Infinity : this.#heardAt + LINGER_MS - performance.now();
    const slept = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.max(1, Math.min(ms, untilLingering)));
      this.#wake = resolve;
    });
    await Promise.race([...sending, slept]);
    clearTimeout(timer);
  }
}
