import type { LoadTarget } from './standalone.js';

/** What one load gave. */
export interface LoadResult {
  readonly perSecond: number;
  /** ms */
  readonly p50: number;
  readonly p99: number;
  /** ms of CPU an order */
  readonly nodeCpu: number;
  readonly postgresCpu: number;
  /** references of the orders made */
  readonly orders: readonly string[];
}

/** Places `count` orders, `concurrency` at a time. @throws where one isn't committed */
export function placeOrders(
  node: LoadTarget,
  n: number,
  threshold: number,
  concurrency: number,
  count: number,
): Promise<LoadResult> {
  const body = { fiduciaries: node.fiduciaries.slice(0, n), threshold, wait: 60 };
  return measure(node, concurrency, count, async () => (await post(node, '/v1/order', body))['orderReference'] ?? '');
}

/** Redeems each of `orders`. @throws where one isn't released */
export function redeemOrders(node: LoadTarget, orders: readonly string[], concurrency: number): Promise<LoadResult> {
  const left = [...orders];
  return measure(node, concurrency, orders.length, async () => {
    const orderReference = left.pop() ?? '';
    await post(node, '/v1/order/secret', { orderReference, wait: 60 });
    return orderReference;
  });
}

async function measure(
  node: LoadTarget,
  concurrency: number,
  count: number,
  one: () => Promise<string>,
): Promise<LoadResult> {
  const latencies: number[] = [];
  const orders: string[] = [];
  let begun = 0;
  const before = node.cpu();
  const start = performance.now();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (begun++ < count) {
        const at = performance.now();
        orders.push(await one());
        latencies.push(performance.now() - at);
      }
    }),
  );
  const seconds = (performance.now() - start) / 1000;
  const after = node.cpu();
  latencies.sort((a, b) => a - b);
  const quantile = (q: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))] ?? 0;
  return {
    perSecond: count / seconds,
    p50: quantile(0.5),
    p99: quantile(0.99),
    nodeCpu: (after.node - before.node) / count,
    postgresCpu: (after.postgres - before.postgres) / count,
    orders,
  };
}

async function post(node: LoadTarget, path: string, body: unknown): Promise<Record<string, string>> {
  const answer = await fetch(`${node.api}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...node.headers },
    body: JSON.stringify(body),
  });
  const json = (await answer.json()) as Record<string, string>; // our own API
  if (answer.status !== 200) throw new Error(`${path} gave ${answer.status} ${json['code']}`);
  return json;
}
