interface Asked<K, V> {
  readonly key: K;
  resolve(value: V): void;
  reject(error: unknown): void;
}

/**
 * Asks for many things by few statements: what is asked for while enough statements are under way goes with the next one. A
 * statement begins after all that it answers was asked for, so its answer is never older than its question.
 */
export class Gathered<K, V> {
  readonly #run: (keys: readonly K[]) => Promise<readonly V[]>;
  readonly #atOnce: number;
  #waiting: Asked<K, V>[] = [];
  #underWay = 0;
  #isCalled = false;

  /**
   * @param run answers all keys, in their order; of equal ones each. Where it throws, each caller has its error.
   * @param atOnce how many of its runs are under way at most: of two, one that hangs holds nothing up
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
    if (this.#isCalled || this.#underWay >= this.#atOnce) return;
    this.#isCalled = true;
    queueMicrotask(() => {
      this.#isCalled = false;
      void this.#answer();
    });
  }

  async #answer(): Promise<void> {
    const asked = this.#waiting;
    this.#waiting = [];
    this.#underWay += 1;
    try {
      const values = await this.#run(asked.map(({ key }) => key));
      asked.forEach(({ resolve }, at) => resolve(values[at] as V)); // one a key
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
    this.#underWay -= 1;
    if (this.#waiting.length > 0) this.#call();
  }
}
