import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { BenchNode } from './standalone.js';

/** How long each client waits for its order, in seconds. */
const WAIT_SECONDS = 10;

/** What came of the orders that clients asked for at one rate. */
export interface Goodput {
  /** asked for, a second */
  readonly offered: number;
  /** answered with their commitment before the end, a second, and so within their `wait` and the 5 s after it */
  readonly good: number;
  /** answered with their commitment after the end */
  readonly late: number;
  readonly pending: number;
  readonly busy: number;
  readonly otherwise: number;
  /** ms of the node's CPU for each good one, all that was refused included: it says less of the neighbours */
  readonly cpu: number;
  /** ms of the clients' CPU for each that was asked for */
  readonly clientCpu: number;
  /** ms, of those that were answered with their commitment */
  readonly p50: number;
  readonly p99: number;
}

/**
 * Asks for 1-of-1 orders at `perSecond`, whatever becomes of those before, as clients do that know nothing of each other;
 * for `seconds`. Settles when each has its answer.
 */
export async function offerOrders(node: BenchNode, perSecond: number, seconds: number): Promise<Goodput> {
  const body = JSON.stringify({ fiduciaries: node.fiduciaries.slice(0, 1), threshold: 1, wait: WAIT_SECONDS });
  const clients = new Clients(Number(new URL(node.api).port), '/v1/order', body);
  const latencies: number[] = [];
  const counts = { good: 0, late: 0, pending: 0, busy: 0, otherwise: 0 };
  const open: Promise<void>[] = [];
  const [before, ownBefore] = [node.cpu(), process.cpuUsage()];
  const start = performance.now();
  const end = start + seconds * 1000;
  for (let at = start; at < end; at = start + (open.length * 1000) / perSecond) {
    const early = at - performance.now();
    if (early > 1) await delay(early);
    const begun = performance.now();
    const asked = clients.ask().then((status) => {
      const answered = performance.now();
      if (status === 200) {
        counts[answered <= end ? 'good' : 'late'] += 1; // what came later belongs to the time after
        latencies.push(answered - begun);
      } else counts[status === 202 ? 'pending' : status === 503 ? 'busy' : 'otherwise'] += 1;
    });
    open.push(asked);
  }
  await Promise.all(open);
  clients.close();
  const [after, own] = [node.cpu(), process.cpuUsage(ownBefore)];
  const cpu = (after.node - before.node) / latencies.length;
  const clientCpu = (own.user + own.system) / 1000 / open.length;
  latencies.sort((a, b) => a - b);
  const quantile = (q: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))] ?? 0;
  const offered = open.length / seconds;
  return {
    ...counts,
    ...{ offered, cpu, clientCpu, good: counts.good / seconds, p50: quantile(0.5), p99: quantile(0.99) },
  };
}

/**
 * Sends one request again and again, by as many connections as are in use at a time. They run on the cores of the node that is
 * measured: a client of `node:http` takes as much CPU for a refusal as the node does.
 */
class Clients {
  readonly #port: number;
  readonly #request: string;
  readonly #idle: Connection[] = [];

  constructor(port: number, path: string, body: string) {
    const head = `POST ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Type: application/json`;
    this.#port = port;
    this.#request = `${head}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  }

  /** Gives the status of the answer, 0 where there is none. */
  async ask(): Promise<number> {
    const connection = this.#idle.pop() ?? new Connection(this.#port);
    const status = await connection.ask(this.#request);
    if (status !== 0) this.#idle.push(connection);
    return status;
  }

  close(): void {
    for (const connection of this.#idle) connection.close();
  }
}

/** One request at a time; reads of an answer its status and `Content-Length`. */
class Connection {
  readonly #socket: Socket;
  #answered: (status: number) => void = () => {};
  #read = '';
  #isClosed = false;

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1').setNoDelay().setEncoding('latin1');
    this.#socket.on('error', () => undefined); // followed by 'close'
    this.#socket.on('close', () => {
      this.#isClosed = true;
      this.#answered(0);
    });
    this.#socket.on('data', (text) => {
      this.#read += text.toString();
      const headEnd = this.#read.indexOf('\r\n\r\n');
      if (headEnd < 0) return;
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#read.slice(0, headEnd + 2))?.[1]);
      if (this.#read.length >= headEnd + 4 + length) this.#answered(Number(this.#read.slice(9, 12)));
    });
  }

  ask(request: string): Promise<number> {
    this.#read = '';
    return new Promise((resolve) => {
      this.#answered = resolve;
      if (this.#isClosed) resolve(0);
      else this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}
