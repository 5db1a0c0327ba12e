/** A counter of permits that are waited for in order of arrival. */
export interface Permits {
  /** Settles when `count` permits are the caller's. */
  take(count: number): Promise<void>;
  give(count: number): void;
}

/** `total` permits. */
export function makePermits(total: number): Permits {
  let free = total;
  const waiting: { count: number; go: () => void }[] = [];
  const next = () => {
    for (let first = waiting[0]; first !== undefined && first.count <= free; first = waiting[0]) {
      waiting.shift();
      free -= first.count;
      first.go();
    }
  };
  return {
    take: (count) =>
      new Promise((go) => {
        waiting.push({ count, go });
        next();
      }),
    give: (count) => {
      free += count;
      next();
    },
  };
}
