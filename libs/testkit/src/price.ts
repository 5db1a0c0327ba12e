/** CPU time of one run in µs, of as many as take `forMs`. What a run throws costs what it costs. */
export function cpuOf(run: () => unknown, forMs = 4): number {
  const [before, begun] = [process.cpuUsage(), performance.now()];
  let times = 0;
  do {
    try {
      run();
    } catch {
      // a refusal is an answer too
    }
    times += 1;
  } while (performance.now() - begun < forMs);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / times;
}

/** A price above the bound is measured as often: a neighbour's work passes, a price stays. */
const ATTEMPTS = 4;

/**
 * How many runs of `floor` one of `run` costs, in CPU time of this process: both measured in turn, so that a noisy machine
 * weighs on both, the middle of five pairs. Where the first pair is below half of `bound`, it is the answer; where the middle is
 * above `bound`, all is measured again, and the least counts.
 */
export function priceIn(floor: () => unknown, run: () => unknown, bound: number): number {
  const pair = () => cpuOf(run) / cpuOf(floor);
  const first = pair();
  if (first < bound / 2) return first;
  let least = Infinity;
  for (let attempt = 1; attempt <= ATTEMPTS && least > bound; attempt += 1) {
    const pairs = [pair(), pair(), pair(), pair(), pair()].sort((a, b) => a - b);
    least = Math.min(least, pairs[2] ?? first);
  }
  return least;
}
