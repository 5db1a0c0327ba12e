import { cpus, totalmem } from 'node:os';
import { setupCounts } from './counts.js';
import { offerOrders } from './overload.js';
import { placeOrders, redeemOrders, type LoadResult } from './load.js';
import { meaning, measureFloor, measurePrimitives, primitives } from './primitives.js';
import { measurePublication } from './publication.js';
import { withReplicas } from './replicas.js';
import { startNode, type BenchNode } from './standalone.js';

/** The original D-TA on two shared cores: as it is, and with its key encapsulation replaced by a stand-in. */
const ORIGINAL = { asItIs: 2.6, stubbed: 45 };
const MOST_OF_FLOOR = 2.5;
/** Measurements of two things in turn. */
const PAIRS = 5;

/** `warmUp` orders first, until the code that they run is compiled for good. */
const shapes = [
  { threshold: 1, n: 1, count: 400, warmUp: 2_000 },
  { threshold: 2, n: 3, count: 100, warmUp: 150 },
  { threshold: 3, n: 5, count: 60, warmUp: 80 },
  { threshold: 7, n: 10, count: 24, warmUp: 30 },
];
const concurrencies = [1, 8, 32];

const row = (...cells: readonly (string | number)[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`);
const head = (...cells: readonly string[]) => {
  process.stdout.write('\n');
  row(...cells);
  row(...cells.map(() => '---'));
};
const ms = (value: number) => value.toFixed(value < 10 ? 2 : 0);

process.stdout.write(`${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}\n`);
switch (process.env['BENCH']) {
  case undefined:
    await benchOrders();
    break;
  case 'parts':
    await benchParts();
    break;
  case 'publication':
    await benchPublication();
    break;
  case 'overload':
    await benchOverload();
    break;
  case 'replicas':
    await benchReplicas();
    break;
  default:
    throw new Error('BENCH is parts, publication, overload, replicas or left out');
}

async function benchOrders(): Promise<void> {
  await benchFloor();
  await benchRates();
  await benchLongRun(Number(process.env['BENCH_ORDERS'] ?? 0));
}

/** Uses a warm node that has as many fiduciaries as the order has: others would be idle, and idling costs something. */
async function withNode({ n, threshold, warmUp }: (typeof shapes)[number], use: (node: BenchNode) => Promise<void>) {
  const node = await startNode(n);
  try {
    await placeOrders(node, n, threshold, 8, warmUp);
    await use(node);
  } finally {
    await node.stop();
  }
}

/** A node on SoftHSM and Kubo beside one on software custody and a folder, loaded in turn: machines are noisy. */
async function benchParts(): Promise<void> {
  const local = await startNode(3, 'local');
  try {
    const real = await startNode(3, 'real');
    await compareParts(local, real).finally(() => real.stop());
  } finally {
    await local.stop();
  }
}

async function compareParts(local: BenchNode, real: BenchNode): Promise<void> {
  for (const node of [local, real]) await placeOrders(node, 3, 2, 8, 40); // warm up
  head('2-of-3, 8 at a time', 'orders/s', 'p50 ms', 'p99 ms', 'redemptions/s', 'p50 ms', 'p99 ms');
  const load = async (node: BenchNode) => {
    const placed = await placeOrders(node, 3, 2, 8, 64);
    const redeemed = await redeemOrders(node, placed.orders, 8);
    row(node === local ? 'software, folder' : 'SoftHSM, Kubo', ...cells(placed), ...cells(redeemed));
    return { placed: placed.perSecond, redeemed: redeemed.perSecond };
  };
  const ratios: { placed: number; redeemed: number }[] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    const localFirst = pair % 2 === 0;
    const [first, second] = [await load(localFirst ? local : real), await load(localFirst ? real : local)];
    const [before, after] = localFirst ? [first, second] : [second, first];
    ratios.push({ placed: after.placed / before.placed, redeemed: after.redeemed / before.redeemed });
  }
  const of = (which: 'placed' | 'redeemed') => median(ratios.map((ratio) => ratio[which])).toFixed(2);
  process.stdout.write(
    `(median of ${PAIRS} pairs: ${of('placed')} of the rate of orders, ${of('redeemed')} of redemptions)\n`,
  );
}

/** What the shared log costs, on a Kubo node: alone, as it takes minutes and a Kubo to be built. */
async function benchPublication(): Promise<void> {
  const { perSecond, roleCpu, kuboCpu, waited, secondsToZero, audited } = await measurePublication();
  const away = ['waiting after a minute without Kubo', 's until none waits', 'envelopes audited'];
  head('envelopes/s', 'CPU ms an envelope', 'of Kubo', ...away);
  row(perSecond.toFixed(0), ms(roleCpu), ms(kuboCpu), waited, secondsToZero.toFixed(1), audited);
}

/** What an order costs where each role has more processes, loaded in turn: on a machine's own cores the rate doesn't grow. */
/**
 * Operators with 1, 2 and 4 processes of each role, and beside them as many operators of a single process each, at the same
 * load in all: what those cost more than one is the price of many processes on these cores, not of replicas.
 */
async function benchReplicas(): Promise<void> {
  const setups = [[1], [1, 1], [2], [1, 1, 1, 1], [4]].map((counts) => ({
    name: counts.length === 1 ? `${counts[0]}` : `1, of ${counts.length} operators`,
    counts,
    apart: `1, of ${counts[0]} operators`,
    processes: counts.reduce((sum, count) => sum + count, 0),
    cpu: new Array<number>(),
    rates: new Array<number>(),
  }));
  await withReplicas(
    setups.flatMap(({ counts }) => counts),
    async (operators) => {
      const left = [...operators];
      const loaded = new Map(setups.map((setup) => [setup, left.splice(0, setup.counts.length)]));
      const place = async (setup: (typeof setups)[number], count: number) => {
        const all = loaded.get(setup) ?? [];
        return Promise.all(all.map((one) => placeOrders(one, 1, 1, 16 / all.length, count / all.length)));
      };
      for (const setup of setups) await place(setup, 500 * setup.processes); // each process is as warm as another
      for (let round = 0; round < 2 * PAIRS; round++) {
        for (const setup of round % 2 === 0 ? setups : setups.toReversed()) {
          const loads = await place(setup, 96);
          setup.cpu.push(loads.reduce((sum, { nodeCpu }) => sum + nodeCpu, 0) / loads.length);
          setup.rates.push(loads.reduce((sum, { perSecond }) => sum + perSecond, 0));
        }
      }
    },
  );
  head('processes of each role', 'orders/s', 'CPU ms an order', 'of one', 'of as many operators of one');
  for (const { name, apart, cpu, rates } of setups) {
    const to = (other: string) => {
      const others = setups.find((setup) => setup.name === other)?.cpu;
      return others === undefined ? '' : median(cpu.map((value, at) => value / (others[at] ?? NaN))).toFixed(2);
    };
    row(name, median(rates).toFixed(1), ms(median(cpu)), to('1'), to(apart));
  }
  process.stdout.write(`(medians of ${2 * PAIRS} rounds)\n`);
}

/** What a node still does of its work when it is offered more than it can, beside its capacity in the same run. */
async function benchOverload(): Promise<void> {
  const [alone] = shapes;
  if (alone === undefined) return;
  await withNode(alone, async (node) => {
    const { perSecond: capacity } = await placeOrders(node, 1, 1, 16, 10 * 60);
    process.stdout.write(`(capacity: ${capacity.toFixed(1)} orders/s, 16 at a time)\n`);
    const answers = ['good/s', 'late', 'later', 'busy', 'otherwise'];
    head('load', 'offered/s', ...answers, 'p50 ms', 'p99 ms', 'CPU ms a good one', 'of clients, each');
    const goods: number[] = [];
    for (const factor of [0.5, 1, 2, 4]) {
      const goodput = await offerOrders(node, factor * capacity, 30);
      const { offered, good, late, pending, busy, otherwise, p50, p99, cpu, clientCpu } = goodput;
      row(
        `${factor}`,
        offered.toFixed(1),
        good.toFixed(1),
        late,
        pending,
        busy,
        otherwise,
        ...[p50, p99, cpu, clientCpu].map(ms),
      );
      goods.push(good);
    }
    process.stdout.write(
      `(at 4 times capacity: ${((goods.at(-1) ?? 0) / Math.max(...goods)).toFixed(2)} of the peak)\n`,
    );
  });
}

/** CPU of an order beside its floor, both measured alternately, so that a noisy neighbour weighs on both. */
async function benchFloor(): Promise<void> {
  head('order', ...primitives, 'floor ms', 'CPU ms', 'ratio', 'PostgreSQL ms');
  for (const shape of shapes) await withNode(shape, (node) => compareWithFloor(node, shape));
  const cost = await measurePrimitives(2);
  head('primitive', 'µs of CPU');
  for (const name of primitives) row(meaning[name], (cost[name] * 1000).toFixed(0));
}

async function compareWithFloor(node: BenchNode, { threshold, n, count }: (typeof shapes)[number]): Promise<void> {
  const counts = setupCounts(n, threshold);
  const floors = [await measureFloor(counts, threshold, count)];
  const loads = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    loads.push(await placeOrders(node, n, threshold, 8, Math.ceil(count / 2)));
    floors.push(await measureFloor(counts, threshold, count));
  }
  const floor = median(floors);
  const cpu = median(loads.map(({ nodeCpu }) => nodeCpu));
  const verdict = `${(cpu / floor).toFixed(2)}${cpu / floor > MOST_OF_FLOOR ? ' (above 2.5)' : ''}`;
  const postgres = ms(median(loads.map(({ postgresCpu }) => postgresCpu)));
  row(`${threshold}-of-${n}`, ...primitives.map((name) => counts[name]), ms(floor), ms(cpu), verdict, postgres);
}

async function benchRates(): Promise<void> {
  head('order', 'at a time', 'orders/s', 'p50 ms', 'p99 ms', 'redemptions/s', 'p50 ms', 'p99 ms');
  for (const shape of shapes) await withNode(shape, (node) => measureRates(node, shape));
}

async function measureRates(node: BenchNode, { threshold, n, count }: (typeof shapes)[number]): Promise<void> {
  for (const concurrency of concurrencies) {
    const orders = Math.max(concurrency, concurrency === 1 ? count / 4 : count);
    const placed = await placeOrders(node, n, threshold, concurrency, orders);
    const redeemed = await redeemOrders(node, placed.orders, concurrency);
    row(`${threshold}-of-${n}`, concurrency, ...cells(placed), ...cells(redeemed));
    if (n === 1 && concurrency === 8) compare(placed);
  }
}

function cells({ perSecond, p50, p99 }: LoadResult): string[] {
  return [perSecond.toFixed(1), ms(p50), ms(p99)];
}

function compare({ perSecond }: LoadResult): void {
  const times = (perSecond / ORIGINAL.asItIs).toFixed(1);
  const stubbed = perSecond > ORIGINAL.stubbed ? 'above' : 'below';
  process.stdout.write(
    `(${times} times the original's ${ORIGINAL.asItIs}/s; ${stubbed} its ${ORIGINAL.stubbed}/s without key encapsulation)\n`,
  );
}

/** Whether rate and memory hold after many orders; the count is given by BENCH_ORDERS. */
async function benchLongRun(count: number): Promise<void> {
  const [alone] = shapes;
  if (count === 0 || alone === undefined) return;
  head('orders so far', 'orders/s', 'resident MiB');
  await withNode(alone, async (node) => {
    const step = Math.ceil(count / 10);
    for (let done = step; done <= count; done += step) {
      const { perSecond } = await placeOrders(node, 1, 1, 8, step);
      row(done, perSecond.toFixed(1), Math.round(node.memory() / 2 ** 20));
    }
  });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
