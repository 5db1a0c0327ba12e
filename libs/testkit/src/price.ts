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

/**
 * How many runs of `floor` one of `run` costs, in CPU time of this process: both measured in turn, so that a noisy machine
 * weighs on both, the middle of five pairs. Where the first pair is below `plain`, it is the answer.
 */
export function priceIn(floor: () => unknown, run: () => unknown, plain = 0): number {
  const pair = () => cpuOf(run) / cpuOf(floor);
  const first = pair();
  if (first < plain) return first;
  const pairs = [pair(), pair(), pair(), pair(), pair()].sort((a, b) => a - b);
  return pairs[2] ?? first;
}
