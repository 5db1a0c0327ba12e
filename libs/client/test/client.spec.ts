import { afterEach, describe, expect, test } from '@jest/globals';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClient, isPending, ProblemError, type OrderEvent } from '../src/index.js';

type Answer = (request: IncomingMessage, response: ServerResponse, at: number) => void;

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** A server that answers as told; `at` counts its requests. */
async function serve(answer: Answer): Promise<string> {
  let at = 0;
  const server = createServer((request, response) => answer(request, response, (at += 1)));
  servers.push(server);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // of TCP, as it listens
}

const json =
  (status: number, body: object, headers: Record<string, string> = {}): Answer =>
  (_, response) =>
    response
      .writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers })
      .end(JSON.stringify(body));

const ref = 'bafyreib65n7jnzm44qhzzmnarhnlub4722m7nbt2gd3ggsxyk4ewpmrxli';

describe('a client', () => {
  test('sends what it is told, with its token and key', async () => {
    const seen: unknown[] = [];
    const url = await serve((request, response, at) => {
      let body = '';
      request.on('data', (part: Buffer) => (body += part.toString()));
      request.on('end', () => {
        const { authorization, 'idempotency-key': key } = request.headers;
        seen.push([request.method, request.url, body, authorization, key]);
        json(200, { orderReference: ref, commitment: '02', createdAt: 1 })(request, response, at);
      });
    });
    const dta = createClient({ url: `${url}/`, token: 'secret-token' });
    const placed = await dta.placeOrder({ threshold: 2, wait: 5 }, { idempotencyKey: 'key' });
    expect(isPending(placed)).toBe(false);
    await dta.orders({ page: 0, perPage: 2, state: 'committed' });
    expect(seen).toEqual([
      ['POST', '/v1/order', '{"threshold":2,"wait":5}', 'Bearer secret-token', 'key'],
      ['GET', '/v1/order?page=0&perPage=2&state=committed', '', 'Bearer secret-token', undefined],
    ]);
  });

  test('gives all orders of a list, page by page, to its end', async () => {
    const seen: unknown[] = [];
    const url = await serve((request, response, at) => {
      seen.push(request.url);
      const orders = [{ orderReference: `${ref}${at}` }];
      json(200, { orderReference: [], orders, total: 3, next: at < 3 ? `c${at}` : null })(request, response, at);
    });
    const references: string[] = [];
    const dta = createClient({ url });
    for await (const { orderReference } of dta.allOrders({ state: 'committed' })) references.push(orderReference);
    expect(references).toEqual([`${ref}1`, `${ref}2`, `${ref}3`]);
    const query = '/v1/order?state=committed&perPage=1000';
    expect(seen).toEqual([query, `${query}&cursor=c1`, `${query}&cursor=c2`]);
  });

  test('tells a pending order from one that is there', async () => {
    const dta = createClient({
      url: await serve(json(202, { orderReference: ref, state: 'dealing', waitingFor: [] })),
    });
    const placed = await dta.placeOrder();
    expect(isPending(placed) && placed.state).toBe('dealing');
  });

  test('throws the problem that a gateway answers with', async () => {
    const problem = { code: 'busy', detail: 'the principal is busy', status: 503, requestId: 'r', title: '', type: '' };
    const headers = { 'content-type': 'application/problem+json; charset=utf-8', 'retry-after': '3' };
    const dta = createClient({ url: await serve(json(503, problem, headers)) });
    const error: unknown = await dta.order(ref).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject({
      code: 'busy',
      status: 503,
      message: 'the principal is busy',
      retryAfter: 3,
      problem,
    });
  });

  test.each([
    ['a page of a proxy', 502, 'text/html', '<h1>Bad gateway</h1>'],
    ['an error that is no problem document', 400, 'application/json', '{"error":"no"}'],
    ['a problem document that is none', 500, 'application/problem+json', '{"code":'],
    ['a success that is not JSON', 200, 'text/html', '<h1>Hello</h1>'],
    ['a success without a body', 204, 'text/plain', ''],
  ])('calls %s no D-TA', async (_, status, type, body) => {
    const url = await serve((__, response) => response.writeHead(status, { 'content-type': type }).end(body));
    await expect(createClient({ url }).status()).rejects.toMatchObject({
      ...{ name: 'ProblemError', code: 'unknown', problem: null, retryAfter: null },
      ...{ status, message: `what answered, with status ${status}, is no D-TA` },
    });
  });

  test('gives readiness as an answer, ready or not', async () => {
    const dta = createClient({ url: await serve(json(503, { ready: false, parts: { nats: 'away' }, degraded: {} })) });
    const { response, error } = await dta.rest.GET('/health/ready');
    expect([response.status, error]).toEqual([503, { ready: false, parts: { nats: 'away' }, degraded: {} }]);
  });

  test('fails as fetch does where nobody answers, and as its signal says', async () => {
    const url = await serve(() => undefined);
    servers.splice(0).forEach((server) => server.close());
    await expect(createClient({ url }).status()).rejects.toMatchObject({
      name: 'TypeError',
      cause: { code: 'ECONNREFUSED' },
    });
    const silent = createClient({ url: await serve(() => undefined) });
    const reason = new Error('enough');
    const stopping = new AbortController();
    const asked = silent.status({ signal: stopping.signal });
    stopping.abort(reason);
    await expect(asked).rejects.toBe(reason);
  });
});

describe('followOrder', () => {
  const event = (id: number, kind: string) =>
    `id: ${id}\ndata: {"at":"2026-01-01T00:00:00.000Z","event":"${kind}"}\n\n`;
  const stream = (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    return response;
  };
  const ended = (response: ServerResponse) => response.writeHead(204).end();

  async function gather(events: AsyncIterable<OrderEvent>): Promise<[number, string][]> {
    const gathered: [number, string][] = [];
    for await (const { id, event: kind } of events) gathered.push([id, kind]);
    return gathered;
  }

  test('gives each event once, however its bytes are cut, and ends with the order', async () => {
    const lastIds: unknown[] = [];
    const url = await serve((request, response, at) => {
      lastIds.push(request.headers['last-event-id']);
      if (at === 2) return void ended(response);
      const text = `retry: 2000\n\n${event(4, 'requested')}: still there\n\n${event(6, 'enrolled')}`;
      const out = stream(response);
      let sent = 0;
      const more = setInterval(() => {
        out.write(text.slice(sent, (sent += 7)));
        if (sent < text.length) return;
        clearInterval(more);
        out.end();
      }, 1);
    });
    expect(await gather(createClient({ url }).followOrder(ref, { after: 3 }))).toEqual([
      [4, 'requested'],
      [6, 'enrolled'],
    ]);
    expect(lastIds).toEqual(['3', '6']);
  });

  test('comes back after a connection that broke and a gateway that was away, and leaves out half an event', async () => {
    const lastIds: unknown[] = [];
    const url = await serve((request, response, at) => {
      lastIds.push(request.headers['last-event-id']);
      if (at === 1) {
        stream(response).write(`${event(1, 'requested')}id: 2\ndata: {"at":"20`, () =>
          setTimeout(() => response.destroy(), 50),
        );
      } else if (at === 2) {
        json(503, {})(request, response, at);
      } else if (at === 3) {
        json(429, { code: 'rate_limited', detail: 'no', status: 429 }, problemType)(request, response, at);
      } else if (at === 4) {
        stream(response).end(event(2, 'failed'));
      } else {
        ended(response);
      }
    });
    expect(await gather(createClient({ url }).followOrder(ref))).toEqual([
      [1, 'requested'],
      [2, 'failed'],
    ]);
    expect(lastIds).toEqual(['0', '1', '1', '1', '2']);
  });

  test('fails at the first request as any other does, and later at what does not pass', async () => {
    const first = await serve(json(404, { code: 'order_not_found', detail: 'no', status: 404 }, problemType));
    await expect(gather(createClient({ url: first }).followOrder(ref))).rejects.toMatchObject({
      code: 'order_not_found',
    });
    const later = await serve((request, response, at) => {
      if (at === 1) stream(response).end(event(1, 'requested'));
      else json(401, { code: 'unauthenticated', detail: 'no', status: 401 }, problemType)(request, response, at);
    });
    await expect(gather(createClient({ url: later }).followOrder(ref))).rejects.toMatchObject({
      code: 'unauthenticated',
    });
  });

  test('ends as its signal says', async () => {
    const url = await serve((_, response) => void stream(response).write(event(1, 'requested')));
    const stopping = new AbortController();
    const reason = new Error('enough');
    const events = createClient({ url }).followOrder(ref, { signal: stopping.signal });
    expect((await events.next()).value).toMatchObject({ id: 1 });
    const next = events.next();
    stopping.abort(reason);
    await expect(next).rejects.toBe(reason);
  });
});

const problemType = { 'content-type': 'application/problem+json' };
