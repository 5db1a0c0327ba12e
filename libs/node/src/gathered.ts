import { isDtaError } from '@dta/errors';

interface Asked<K, V> {
  readonly key: K;
  resolve(value: V): void;
  reject(error: unknown): void;
}

/** A run that takes longer holds up no other. */
const SLOW_MS = 500;

/**
 * Asks for many things by few statements: what is asked for while enough statements are under way goes with the next one. A
 * statement begins after all that it answers was asked for, so its answer is never older than its question.
 */
export class Gathered<K, V> {
  readonly #run: (keys: readonly K[]) => Promise<readonly V[]>;
  readonly #atOnce: number;
  #waiting: Asked<K, V>[] = [];
  /** runs that aren't slow */
  #underWay = 0;
  #isCalled = false;

  /**
   * @param run answers all keys, in their order; of equal ones each. Where it throws for several, but for a database that is
   * away, each is asked for alone: one that can't be answered is no other's fault.
   * @param atOnce how many of its runs are under way at most, beside those that take longer than half a second
   */
  constructor(run: (keys: readonly K[]) => Promise<readonly V[]>, atOnce = 2) {
    this.#run = run;
    this.#atOnce = atOnce;
  }

  /** The answer to `key`, by a run that begins after this call. */
  ask(key: K): Promise<V> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key, resolve, reject });
      this.#call();
    });
  }

  /** What is asked for in one turn goes together. */
  #call(): void {
    if (this.#isCalled || this.#underWay >= this.#atOnce || this.#waiting.length === 0) return;
    this.#isCalled = true;
    queueMicrotask(() => {
      this.#isCalled = false;
      void this.#answerAll();
    });
  }

  async #answerAll(): Promise<void> {
    const asked = this.#waiting;
    this.#waiting = [];
    this.#underWay += 1;
    let isCounted = true;
    const discount = () => {
      if (isCounted) this.#underWay -= 1;
      isCounted = false;
      this.#call();
    };
    const slow = setTimeout(discount, SLOW_MS);
    try {
      await this.#answer(asked);
    } catch (error) {
      if (asked.length === 1 || isDtaError(error, 'service_unavailable')) for (const { reject } of asked) reject(error);
      else for (const one of asked) this.#answer([one]).catch(one.reject);
    }
    clearTimeout(slow);
    discount();
  }

  async #answer(asked: readonly Asked<K, V>[]): Promise<void> {
    const values = await this.#run(asked.map(({ key }) => key));
    asked.forEach(({ resolve }, at) => resolve(values[at] as V)); // one a key
  }
}
