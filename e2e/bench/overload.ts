import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { BenchNode } from './standalone.js';

/** How long each client waits for its order, in seconds. */
const WAIT_SECONDS = 10;

/** What came of the orders that clients asked for at one rate. */
export interface Goodput {
  /** asked for, a second */
  readonly offered: number;
  /** answered with their commitment, a second, and so within their `wait` and the 5 s after it */
  readonly good: number;
  readonly pending: number;
  readonly busy: number;
  readonly otherwise: number;
  /** ms of the node's CPU for each good one, all that was refused included: it says less of the neighbours */
  readonly cpu: number;
  /** ms, of the good ones */
  readonly p50: number;
  readonly p99: number;
}

/**
 * Asks for 1-of-1 orders at `perSecond`, whatever becomes of those before, as clients do that know nothing of each other;
 * for `seconds`. Settles when each has its answer.
 */
export async function offerOrders(node: BenchNode, perSecond: number, seconds: number): Promise<Goodput> {
  const agent = new Agent({ keepAlive: true });
  const body = JSON.stringify({ fiduciaries: node.fiduciaries.slice(0, 1), threshold: 1, wait: WAIT_SECONDS });
  const latencies: number[] = [];
  const counts = { good: 0, pending: 0, busy: 0, otherwise: 0 };
  const open: Promise<void>[] = [];
  const before = node.cpu();
  const start = performance.now();
  const end = start + seconds * 1000;
  for (let at = start; at < end; at = start + (open.length * 1000) / perSecond) {
    const early = at - performance.now();
    if (early > 1) await delay(early);
    const begun = performance.now();
    const asked = post(`${node.api}/v1/order`, body, agent).then(
      (status) => {
        const answered = performance.now();
        if (status === 200 && answered <= end) counts.good += 1; // what came later belongs to the time after
        if (status === 200) latencies.push(answered - begun);
        if (status === 202) counts.pending += 1;
        if (status === 503) counts.busy += 1;
        if (![200, 202, 503].includes(status)) counts.otherwise += 1;
      },
      () => (counts.otherwise += 1),
    );
    open.push(asked.then(() => undefined));
  }
  await Promise.all(open);
  agent.destroy();
  const after = node.cpu();
  const cpu = (after.node - before.node) / latencies.length;
  latencies.sort((a, b) => a - b);
  const quantile = (q: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))] ?? 0;
  const offered = open.length / seconds;
  return { ...counts, offered, cpu, good: counts.good / seconds, p50: quantile(0.5), p99: quantile(0.99) };
}

function post(url: string, body: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const outgoing = request(url, { method: 'POST', headers, agent }, (incoming) => {
      incoming.resume().once('end', () => resolve(incoming.statusCode ?? 0));
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}
