import { startCluster, type Cluster, type Operator } from '@dta/testkit';

/** A whole operator with two fiduciaries, and a second that has a fiduciary alone. */
export interface TwoOperators {
  readonly cluster: Cluster;
  readonly first: Operator;
  readonly second: Operator;
}

export async function startTwoOperators(): Promise<TwoOperators> {
  const cluster = await startCluster({
    operators: [
      { name: 'first', fiduciaries: 2 },
      { name: 'second', principal: false, beneficiary: false, fiduciaries: 1 },
    ],
  });
  return { cluster, first: cluster.operator('first'), second: cluster.operator('second') };
}
