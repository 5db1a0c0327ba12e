import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { orderReference } from './fake-roles.js';
import { hashOf, send, startSetup, token, type Reply, type Setup } from './http.js';

const problem = ({ status, headers, body }: Reply) => {
  expect(headers['content-type']).toBe('application/problem+json; charset=utf-8');
  expect(body).toMatchObject({
    type: `urn:dta:problem:${String(body['code'])}`,
    status,
    requestId: headers['x-request-id'],
  });
  expect(typeof body['title']).toBe('string');
  expect(typeof body['detail']).toBe('string');
  return { status, code: body['code'] };
};

describe('with a token', () => {
  let setup: Setup;
  beforeAll(async () => {
    setup = await startSetup();
  });
  afterAll(() => setup.stop());

  it.each([
    ['none', {}],
    ['a wrong one', { Authorization: 'Bearer wrong' }],
    ['one that begins like it', { Authorization: `Bearer ${token.slice(0, -1)}` }],
    ['another scheme', { Authorization: `Basic ${token}` }],
    ['one without end', { Authorization: `Bearer ${'a'.repeat(9_000)}` }],
  ])('refuses %s', async (_, headers) => {
    const answer = await send(setup.gateway.port, '/v1/order', { headers, json: {} });
    expect(problem(answer)).toEqual({ status: 401, code: 'unauthenticated' });
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(setup.roles.seen).toEqual([]);
  });

  it('takes each of two tokens while one is replaced by the other, and no third', async () => {
    const both = await startSetup({ access: { tokenHashes: ['next', token].map(hashOf) } });
    try {
      const status = async (shown: string) =>
        (await send(both.gateway.port, '/v1/status', { headers: { Authorization: `Bearer ${shown}` } })).status;
      expect(await Promise.all(['next', token, 'none of them'].map(status))).toEqual([200, 200, 401]);
    } finally {
      await both.stop();
    }
  });

  it('takes no token from a URL', async () => {
    const answer = await send(setup.gateway.port, `/v1/status?access_token=${token}`);
    expect(problem(answer)).toEqual({ status: 401, code: 'unauthenticated' });
    expect(setup.log()).not.toContain(token);
  });

  it('does not read the body of who has none', async () => {
    const answer = await send(setup.gateway.port, '/v1/order', { raw: '{"not json' });
    expect(problem(answer)).toEqual({ status: 401, code: 'unauthenticated' });
  });

  it.each(['/openapi.json', '/docs', '/docs/swagger-ui-bundle.js', '/health/live', '/health/ready'])(
    'shows %s to anyone',
    async (path) => {
      expect((await send(setup.gateway.port, path)).status).toBe(200);
    },
  );

  it.each(['/docsecret', '/openapi.json/..', '/docs/../v1/status', '/health/live/x'])('but not %s', async (path) => {
    expect([401, 404]).toContain((await send(setup.gateway.port, path)).status);
  });

  it('names an unknown path and a wrong method', async () => {
    expect(problem(await setup.http('/v1/nowhere'))).toEqual({ status: 404, code: 'not_found' });
    const wrong = await setup.http('/v1/order', { method: 'DELETE' });
    expect(problem(wrong)).toEqual({ status: 405, code: 'request_invalid' });
    expect(wrong.headers['allow']).toBe('POST, GET, HEAD');
    const posted = await setup.http(`/v1/order/${orderReference}`, { json: {} });
    expect([posted.status, posted.headers['allow']]).toEqual([405, 'GET, HEAD']);
  });

  it.each([
    ['malformed JSON', '{"a":', 400, 'request_invalid'],
    ['a bare string', '"text"', 400, 'request_invalid'],
    ['a list', '[]', 400, 'request_invalid'],
    ['nothing', '', 400, 'request_invalid'],
    ['bytes that are no UTF-8 JSON', Uint8Array.of(0xff, 0xfe), 400, 'request_invalid'],
    ['a body above 256 KiB', JSON.stringify({ extension: { a: 'a'.repeat(256 * 1024) } }), 413, 'too_large'],
    ['JSON nested beyond any stack', '['.repeat(50_000) + ']'.repeat(50_000), 400, 'request_invalid'],
    ['JSON nested 17 deep', `{"extension":${'{"a":'.repeat(16)}1${'}'.repeat(17)}`, 400, 'request_invalid'],
    ['more than 5,000 values', JSON.stringify({ fiduciaries: Array(5_000).fill(1) }), 400, 'request_invalid'],
    ['a prototype', '{"extension":{"__proto__":{"a":1}}}', 400, 'request_invalid'],
  ])('refuses %s', async (_, raw, status, code) => {
    const sent = setup.roles.seen.length;
    expect(problem(await setup.http('/v1/order', { method: 'POST', raw }))).toEqual({ status, code });
    expect(setup.roles.seen).toHaveLength(sent);
  });

  it('takes JSON nested 16 deep', async () => {
    const raw = `{"extension":${'{"a":'.repeat(14)}1${'}'.repeat(15)}`;
    expect((await setup.http('/v1/order', { raw })).status).toBe(200);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', ''])(
    'refuses a body of type %j',
    async (type) => {
      const answer = await setup.http('/v1/order', { raw: '{}', headers: { 'Content-Type': type } });
      expect(problem(answer)).toEqual({ status: 415, code: 'request_invalid' });
      expect(answer.headers['accept-post']).toBe('application/json');
    },
  );

  it('refuses a compressed body, and another charset', async () => {
    const headers = { 'Content-Encoding': 'gzip' };
    expect(problem(await setup.http('/v1/order', { raw: gzipSync('{}'), headers })).status).toBe(415);
    const latin = { 'Content-Type': 'application/json; charset=latin1' };
    expect(problem(await setup.http('/v1/order', { raw: '{}', headers: latin })).status).toBe(415);
  });

  it('refuses a path that is no URL', async () => {
    expect(problem(await setup.http('/v1/order/%FF'))).toEqual({ status: 400, code: 'request_invalid' });
  });

  it('ignores a request id that could forge a log line', async () => {
    const answer = await setup.http('/health/live', { headers: { 'X-Request-Id': 'x" ,"level":"fatal' } });
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('sends headers that keep a browser careful, and answers no other origin', async () => {
    const { headers } = await setup.http('/v1/status', { headers: { Origin: 'https://elsewhere.example' } });
    expect(headers['content-security-policy']).toContain("script-src 'self'");
    expect(headers['content-security-policy']).not.toContain('upgrade-insecure-requests');
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
    expect(headers['access-control-allow-origin']).toBeUndefined();
    expect(headers['x-powered-by']).toBeUndefined();
  });

  it('survives a client that goes away in the middle of its body', async () => {
    const socket = connect(setup.gateway.port, '127.0.0.1');
    const head = `POST /v1/order HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json`;
    socket.write(`${head}\r\nContent-Length: 100\r\n\r\n{"a`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    expect((await setup.http('/health/live')).status).toBe(200);
  });
});

describe('standalone', () => {
  let setup: Setup;
  beforeAll(async () => {
    setup = await startSetup({ access: 'standalone' });
  });
  afterAll(() => setup.stop());
  const status = (headers: Record<string, string>) => setup.http('/v1/status', { headers });

  it.each(['localhost', '127.0.0.1', '[::1]', 'LOCALHOST:5556', '127.0.0.1:5556', '[::1]:5556'])(
    'answers to Host %s without a token',
    async (Host) => {
      expect((await status({ Host })).status).toBe(200);
    },
  );

  it.each([
    ...['rebound.example', 'rebound.example:5556', 'localhost.rebound.example', '127.0.0.1.rebound.example'],
    ...['localhost:5556:1', '192.168.1.5', 'x@localhost', '127.0.0.2'],
  ])('refuses Host %s', async (Host) => {
    expect(problem(await status({ Host }))).toEqual({ status: 403, code: 'forbidden' });
  });

  it.each(['https://elsewhere.example', 'null', 'http://localhost', 'http://localhost:3000', 'https://localhost:5556'])(
    'refuses a page of %s',
    async (Origin) => {
      const answer = await setup.http('/v1/order', { json: {}, headers: { Host: 'localhost:5556', Origin } });
      expect(problem(answer)).toEqual({ status: 403, code: 'forbidden' });
      expect(setup.roles.seen.map(({ call }) => call)).not.toContain('principal.place-order');
    },
  );

  it('answers its own pages', async () => {
    const headers = { Host: 'localhost:5556', Origin: 'http://localhost:5556' };
    expect((await setup.http('/v1/order', { json: {}, headers })).status).toBe(200);
  });

  it('refuses a form', async () => {
    const headers = { 'Content-Type': 'text/plain' };
    expect(problem(await setup.http('/v1/order', { raw: '{}', headers })).status).toBe(415);
  });

  it('hands on no token, also where one was sent', async () => {
    await setup.http('/v1/order', { json: {}, headers: { Authorization: `Bearer ${token}` } });
    expect(setup.roles.seen.at(-1)?.served.caller).toEqual({ token: null });
  });
});

describe('rate limit', () => {
  it('counts a client, whatever it asks for', async () => {
    const setup = await startSetup({ rateLimitPerMinute: 3 });
    try {
      const first = await setup.http('/health/live');
      expect(first.headers).toMatchObject({ 'ratelimit-limit': '3', 'ratelimit-remaining': '2' });
      await send(setup.gateway.port, '/v1/status');
      await setup.http('/v1/nowhere');
      const fourth = await setup.http('/health/live');
      expect(problem(fourth)).toEqual({ status: 429, code: 'rate_limited' });
      expect(Number(fourth.headers['retry-after'])).toBeGreaterThan(50);
      expect(fourth.headers['ratelimit-remaining']).toBe('0');
    } finally {
      await setup.stop();
    }
  });

  it('tells clients behind a proxy apart, where one is trusted', async () => {
    const setup = await startSetup({ rateLimitPerMinute: 1, trustProxyHops: 1 });
    try {
      const from = (address: string) => setup.http('/health/live', { headers: { 'X-Forwarded-For': address } });
      expect((await from('10.0.0.1')).status).toBe(200);
      expect((await from('10.0.0.2')).status).toBe(200);
      expect((await from('10.0.0.1')).status).toBe(429);
    } finally {
      await setup.stop();
    }
  });
});
